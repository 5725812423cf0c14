import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { replaceFile } from "../../../src/core/replace-file.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tsmcp-replace-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const ownership = (mode: number) => ({ mode, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });

test("replaceFile writes the bytes with the mode that was asked for, and leaves nothing beside them", () => {
  const path = join(root, "file");
  writeFileSync(path, "old");
  replaceFile(path, Buffer.from("new"), ownership(0o640));
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(statSync(path).mode & 0o7777).toBe(0o640);
  expect(readdirSync(root)).toEqual(["file"]);
});

test("replaceFile sweeps up what a killed run left, and follows no link that was planted there", () => {
  const path = join(root, "file");
  const victim = join(root, "victim");
  writeFileSync(victim, "mine");
  symlinkSync(victim, join(root, ".file.tsmcp-new"));
  replaceFile(path, Buffer.from("new"), ownership(0o600));
  expect(readFileSync(victim, "utf8")).toBe("mine");
  expect(lstatSync(path).isFile()).toBe(true);
  expect(readdirSync(root).sort()).toEqual(["file", "victim"]);
});

test("replaceFile leaves all as it was when it fails", () => {
  const path = join(root, "directory");
  mkdirSync(join(path, "full"), { recursive: true });
  expect(() => replaceFile(path, Buffer.from("new"), ownership(0o600))).toThrowError();
  expect(readdirSync(root)).toEqual(["directory"]);
});
