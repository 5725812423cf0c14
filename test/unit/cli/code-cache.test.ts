import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

/** Translated once: a process for each would take most of the test's time for that. */
let program: string;
beforeAll(async () => {
  const input = fileURLToPath(new URL("../../fakes/code-cache-process.ts", import.meta.url));
  const directory = mkdtempSync(join(tmpdir(), "tsmcp-"));
  program = join(directory, "program.cjs");
  const built = await rolldown({ input, platform: "node" });
  await built.write({ file: program, format: "cjs" });
  await built.close();
  return () => rmSync(directory, { recursive: true });
});

const bundleThatSays = (word: string): string => `exports.say = () => ${JSON.stringify(word)} + process.version;`;

let home: string;
let bundle: string;
let directory: string;

beforeEach(() => {
  const root = temporaryDirectory();
  home = join(root, "home");
  mkdirSync(home);
  bundle = join(root, "bundle.cjs");
  directory = join(home, ".cache/tsmcp");
  writeFileSync(bundle, bundleThatSays("true"));
});

/** Returns what the bundle says in a process of its own; stderr has to stay empty. */
function say(...args: readonly string[]): string {
  return execFileSync(process.execPath, [program, bundle, ...args], {
    encoding: "utf8",
    env: { PATH: process.env.PATH },
  })
    .trim()
    .replace(process.version, "");
}

function codeFile(): string {
  const [name = "none", ...others] = readdirSync(directory);
  expect(others).toEqual([]);
  return join(directory, name);
}

/** Code of another bundle in the place of the kept: V8 takes any of the same length, so it shows what was believed. */
function plantCode(): string {
  const path = codeFile();
  const kept = readFileSync(path);
  const foreign = execFileSync(process.execPath, ["-e", printCode, bundleThatSays("evil")]);
  writeFileSync(path, Buffer.concat([kept.subarray(0, kept.indexOf("\n") + 1), foreign, foreign]));
  return path;
}

const printCode = `
  const script = new (require("node:vm").Script)("(function (exports, require) { " + process.argv[1] + "\\n})");
  const exports = {};
  script.runInThisContext()(exports);
  exports.say();
  process.stdout.write(script.createCachedData());
`;

test("the code is kept where only this user can write, and used the next time", () => {
  expect(say(home)).toBe("true");
  const path = codeFile();
  expect([statSync(directory).mode & 0o777, statSync(path).mode & 0o777]).toEqual([0o700, 0o600]);
  const { ino } = statSync(path);
  expect(say(home)).toBe("true");
  expect(statSync(path).ino).toBe(ino);
  plantCode();
  expect(say(home)).toBe("evil");
});

test.each([
  ["the file can be written by the group", (path: string) => chmodSync(path, 0o620)],
  ["the file can be written by all", (path: string) => chmodSync(path, 0o602)],
  ["the directory can be written by the group", () => chmodSync(directory, 0o770)],
  [
    "the file is a link",
    (path: string) => {
      renameSync(path, join(home, "elsewhere"));
      symlinkSync(join(home, "elsewhere"), path);
    },
  ],
  [
    "the directory is a link",
    () => {
      renameSync(directory, join(home, "elsewhere"));
      symlinkSync(join(home, "elsewhere"), directory);
    },
  ],
  ["the bundle was written anew", () => writeFileSync(bundle, bundleThatSays("true"))],
  [
    "a bit of it has flipped",
    (path: string) => {
      const bytes = readFileSync(path);
      bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    },
  ],
  ["its end is missing", (path: string) => writeFileSync(path, readFileSync(path).subarray(0, -100))],
])("code is not believed when %s", (_what, spoil) => {
  say(home);
  spoil(plantCode());
  expect(say(home)).toBe("true");
});

test("code that is not believed is replaced", () => {
  say(home);
  const path = codeFile();
  writeFileSync(path, "torn");
  expect(say(home)).toBe("true");
  expect(readFileSync(path, "latin1")).toMatch(/^tsmcp code of .* v\d+\.\d+\.\d+\n/);
});

test("a bundle that changed in place, to the same length, is run as it is now", () => {
  say(home);
  writeFileSync(bundle, bundleThatSays("edit"));
  expect(say(home)).toBe("edit");
  expect(say(home)).toBe("edit");
});

test.each([
  ["is not told", () => []],
  ["is not absolute", () => ["home"]],
  ["is missing", () => [join(home, "nowhere")]],
  ["is no directory", () => [bundle]],
])("the bundle runs and nothing is kept when the home %s", (_what, args) => {
  expect(say(...args())).toBe("true");
  expect(readdirSync(home)).toEqual([]);
});
