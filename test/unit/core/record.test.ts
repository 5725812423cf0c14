import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TsmcpError } from "../../../src/core/errors.ts";
import { type BootRecord, readRecord, removeRecord, writeRecord } from "../../../src/core/record.ts";
import { makeRuntimeDirectory, runtimeDirectories } from "../../../src/core/runtime-directory.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const isRoot = process.getuid?.() === 0;

const record: BootRecord = {
  version: 1,
  socket: "/run/s",
  proxy: { host: "127.0.0.1", port: 1055 },
  daemon: { pid: 7, startTicks: "99" },
  stateDir: "/state",
  entries: [{ agent: "cursor" }],
  exports: [],
};

function world() {
  const root = temporaryDirectory();
  const home = join(root, "home");
  const shmDirectory = join(root, "shm");
  mkdirSync(home);
  mkdirSync(shmDirectory);
  return { env: { HOME: home }, shmDirectory, home };
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof TsmcpError ? error.code : "not ours";
  }
}

test("readRecord returns what writeRecord wrote when both have the same home and boot", () => {
  const place = world();
  writeRecord(place, record);
  expect(readRecord({ ...place, env: { HOME: place.home, PATH: "/bin" } })).toEqual(record);
  const [directory = ""] = runtimeDirectories(place);
  expect(lstatSync(join(directory, "record.json")).mode & 0o777).toBe(0o600);
  expect(lstatSync(directory).mode & 0o777).toBe(0o700);
  expect(readdirSync(directory)).toEqual(["record.json"]);
});

test("readRecord returns nothing when the boot is another one", () => {
  const place = world();
  writeRecord(place, record);
  expect(readRecord({ ...place, procDirectory: "/nowhere" })).toBeUndefined();
});

test.each([
  ["torn", '{"version": 1, "socket'],
  ["of another version", '{"version": 2, "socket": "s", "stateDir": "d"}'],
  ["an array", "[]"],
  ["without a socket", '{"version": 1, "stateDir": "d"}'],
  ["empty", ""],
])("readRecord returns nothing when the file is %s", (_title, text) => {
  const place = world();
  writeFileSync(join(makeRuntimeDirectory(place), "record.json"), text);
  expect(readRecord(place)).toBeUndefined();
});

test("the record lies in memory when the home directory is missing", () => {
  const place = world();
  const homeless = { ...place, env: { HOME: join(place.home, "gone") } };
  writeRecord(homeless, record);
  expect(makeRuntimeDirectory(homeless).startsWith(place.shmDirectory)).toBe(true);
  expect(readRecord(homeless)).toEqual(record);
});

test.runIf(isRoot)("the record lies in memory when the home directory is another user's", () => {
  const place = world();
  chownSync(place.home, 65_534, 65_534);
  expect(makeRuntimeDirectory(place).startsWith(place.shmDirectory)).toBe(true);
});

test("a planted symbolic link is refused when writing and counts as no record when reading", () => {
  const place = world();
  const elsewhere = join(place.shmDirectory, "elsewhere");
  mkdirSync(join(place.home, ".local/state"), { recursive: true });
  mkdirSync(elsewhere);
  symlinkSync(elsewhere, join(place.home, ".local/state/tsmcp"));
  expect(codeOf(() => writeRecord(place, record))).toBe("runtime-directory-unsafe");
  const [directory = ""] = runtimeDirectories(place);
  mkdirSync(directory);
  writeFileSync(join(directory, "record.json"), JSON.stringify(record));
  expect(readRecord(place)).toBeUndefined();
  removeRecord(place);
  expect(existsSync(join(directory, "record.json"))).toBe(true);
});

test.runIf(isRoot)("a directory of another user is refused when writing and counts as no record when reading", () => {
  const place = { ...world(), env: {} };
  const [, directory = ""] = runtimeDirectories({ ...place, env: { HOME: place.home } });
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "record.json"), JSON.stringify(record));
  chownSync(join(directory, ".."), 65_534, 65_534);
  const homeless = { ...place, env: { HOME: join(place.home, "gone") } };
  expect(readRecord(homeless)).toBeUndefined();
  expect(codeOf(() => writeRecord(homeless, record))).toBe("runtime-directory-unsafe");
});

test("a directory that others can read is closed when the record is written", () => {
  const place = world();
  const directory = makeRuntimeDirectory(place);
  chmodSync(directory, 0o755);
  writeRecord(place, record);
  expect(lstatSync(directory).mode & 0o777).toBe(0o700);
});

test("removeRecord leaves nothing when there is a record, and does nothing when there is none", () => {
  const place = world();
  removeRecord(place);
  writeRecord(place, record);
  removeRecord(place);
  expect(readRecord(place)).toBeUndefined();
});
