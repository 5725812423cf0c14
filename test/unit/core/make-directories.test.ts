import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeDirectories } from "../../../src/core/make-directories.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

test("makeDirectories makes what is missing, closed to others, and leaves what is there", () => {
  const root = temporaryDirectory();
  expect(makeDirectories(join(root, "a/b/c"), 0o700)).toBe(true);
  expect(statSync(join(root, "a")).mode & 0o777).toBe(0o700);
  expect(makeDirectories(join(root, "a/b/c"), 0o755)).toBe(false);
  expect(statSync(join(root, "a/b/c")).mode & 0o777).toBe(0o700);
});

test("makeDirectories follows a link to a directory", () => {
  const root = temporaryDirectory();
  mkdirSync(join(root, "real"));
  symlinkSync(join(root, "real"), join(root, "link"));
  expect(makeDirectories(join(root, "link"), 0o700)).toBe(false);
  expect(makeDirectories(join(root, "link/below"), 0o700)).toBe(true);
});

test.each(["file", "file/below", "dangling/below"])("makeDirectories throws the system's error for %s", (name) => {
  const root = temporaryDirectory();
  writeFileSync(join(root, "file"), "");
  symlinkSync(join(root, "nowhere/at/all"), join(root, "dangling"));
  expect(() => makeDirectories(join(root, name), 0o700)).toThrow(/ENOTDIR|EEXIST|ENOENT/);
});

test("makeDirectories ends where nothing can be made", () => {
  expect(() => makeDirectories("/proc/none/below", 0o700)).toThrow("ENOENT");
});
