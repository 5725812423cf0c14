import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { hidingOf } from "../../../../src/gateway/upstream/hiding.ts";
import { watchPlaces } from "../../../../src/gateway/upstream/places.ts";
import { temporaryDirectory } from "../../../fakes/temporary-directory.ts";

/** A tree with these files. */
function tree(...files: string[]): string {
  const root = temporaryDirectory();
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), "x");
  }
  return root;
}

test.for([
  ["goes with its directory", { files: ["d/s"], needed: ["e"], emptied: ["d"], blanked: [] }],
  ["goes with its directory before it is there", { files: ["e/s"], needed: ["d"], emptied: ["e"], blanked: [] }],
  ["goes alone where the program is beside it", { files: ["d/s"], needed: ["d/x"], emptied: [], blanked: ["d/s"] }],
  ["goes alone where the program works", { files: ["d/s"], needed: ["d"], emptied: [], blanked: ["d/s"] }],
  [
    "goes with its directory below where the program works",
    { files: ["d/s"], needed: [""], emptied: ["d"], blanked: [] },
  ],
  ["goes once though it is named twice", { files: ["d/s", "d/x"], needed: [], emptied: ["d"], blanked: [] }],
  ["goes with the one above", { files: ["d/f/s", "d/s"], needed: [], emptied: ["d"], blanked: [] }],
  ["goes by the name that it leads to", { files: ["link"], needed: [""], emptied: ["d"], blanked: ["link"] }],
  ["goes by what its directory leads to", { files: ["to/s"], needed: [], emptied: ["d"], blanked: [] }],
  ["does not matter where there is none", { files: ["nowhere/s"], needed: [], emptied: [], blanked: [] }],
  ["is not there to be hidden alone", { files: ["d/none"], needed: ["d"], emptied: [], blanked: [] }],
] as const)("a secret %s", ([, { files, needed, emptied, blanked }]) => {
  const root = tree("d/s", "d/x", "d/f/s", "e/x");
  symlinkSync("d/s", join(root, "link"));
  symlinkSync("d", join(root, "to"));
  const at = (names: readonly string[]): string[] => names.map((name) => join(root, name));
  const hiding = hidingOf({ files: at(files), directories: [] }, { needed: at(needed) });
  expect(hiding.emptied.filter((one) => one.startsWith(root))).toEqual(at(emptied));
  expect(hiding.blanked).toEqual(at(blanked));
});

test("a secret among the files of many is left out where they are, and so is what services make in /run", () => {
  const shared = tree("s", "d/s");
  const hiding = hidingOf(
    { files: [join(shared, "s"), "/run/tsmcp-nowhere/s"], directories: [] },
    { needed: [], shared: [shared] },
  );
  expect(hiding.thinned).toContainEqual({ directory: shared, without: ["s"] });
  expect(hiding.thinned).toContainEqual({ directory: "/run", without: ["user", "log"] });
  expect(hiding.blanked).toEqual([]);
});

test("a directory of secrets is emptied whole", () => {
  const root = tree("state/gateway/key", "state/record");
  const secrets = { files: [join(root, "state/gateway/key")], directories: [join(root, "state"), join(root, "none")] };
  const { emptied } = hidingOf(secrets, { needed: [root] });
  expect(emptied.filter((one) => one.startsWith(root))).toEqual([join(root, "state")]);
});

test("a directory that another one took the place of is noticed, by whatever name it was moved", () => {
  const root = tree("a/b/c/s");
  const watch = watchPlaces([join(root, "a/b/c"), join(root, "later")]);
  expect(watch.moved()).toBeUndefined();
  mkdirSync(join(root, "later"));
  expect(watch.moved()).toBeUndefined();
  renameSync(join(root, "a"), join(root, "z"));
  expect(watch.moved()).toBe(join(root, "a/b/c"));
  mkdirSync(join(root, "a/b/c"), { recursive: true });
  expect(watch.moved()).toBe(join(root, "a/b/c"));
  renameSync(join(root, "a"), join(root, "y"));
  renameSync(join(root, "z"), join(root, "a"));
  expect(watch.moved()).toBeUndefined();
});
