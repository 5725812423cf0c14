import { chownSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { findStateDirectory, makeStateDirectory } from "../../../src/core/runtime-directory.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const isRoot = process.getuid?.() === 0;

/** A machine whose user has no home, and the place in its memory where the user's directory is looked for. */
function world() {
  const shmDirectory = temporaryDirectory();
  const place = { env: { HOME: join(shmDirectory, "gone") }, shmDirectory };
  return { place, wanted: findStateDirectory(place, "expose") };
}

test("findStateDirectory returns the directory that makeStateDirectory makes, before and after", () => {
  const { place, wanted } = world();
  expect(makeStateDirectory(place, "expose")).toBe(wanted);
  expect(findStateDirectory(place, "expose")).toBe(wanted);
});

const planted: readonly { readonly title: string; readonly plant: (directory: string) => void }[] = [
  {
    title: "is a link that leads nowhere yet",
    plant(directory) {
      mkdirSync(dirname(directory));
      symlinkSync("/nowhere/at/all", directory);
    },
  },
  { title: "is to be in what is a link", plant: (directory) => symlinkSync(temporaryDirectory(), dirname(directory)) },
];

test.each(planted)("findStateDirectory refuses a directory that $title", ({ plant }) => {
  const { place, wanted } = world();
  plant(wanted);
  expect(() => findStateDirectory(place, "expose")).toThrow("is a symbolic link");
});

test.runIf(isRoot)("findStateDirectory refuses a directory that is to be in another user's", () => {
  const { place, wanted } = world();
  mkdirSync(dirname(wanted));
  chownSync(dirname(wanted), 65_534, 65_534);
  expect(() => findStateDirectory(place, "expose")).toThrow("belongs to user 65534");
});
