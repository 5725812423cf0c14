import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findExecutable, launcherFor } from "../../../src/agents/executable.ts";

let root = "";
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "tsmcp-executable-")));
  for (const name of ["package/bin/tsmcp", "package/bin/tsmcp-bootstrap", "path/node", "installed/tsmcp"])
    program(name);
  program("work/node_modules/.bin/tsmcp");
});
afterEach(() => rmSync(root, { recursive: true }));

function program(name: string): void {
  mkdirSync(join(root, name, ".."), { recursive: true });
  writeFileSync(join(root, name), "#!/bin/sh\n", { mode: 0o755 });
}
const at = (name: string): string => join(root, name);
const launcher = (script: string, ...path: string[]) =>
  launcherFor({ env: { PATH: path.map(at).join(":") }, script: at(script), node: "/opt/node" });

describe("launcherFor", () => {
  test("starts tsmcp by name when it is on PATH", () => {
    expect(launcher("package/bin/tsmcp", "path", "installed")).toEqual({ command: "tsmcp", leadingArgs: [] });
  });

  test("starts the launcher by path when only npx put tsmcp on PATH", () => {
    const expected = { command: at("package/bin/tsmcp"), leadingArgs: [] };
    expect(launcher("package/bin/tsmcp", "work/node_modules/.bin", "path")).toEqual(expected);
  });

  test("finds the launcher behind a link, and beside tsmcp-bootstrap", () => {
    symlinkSync(at("package/bin/tsmcp-bootstrap"), at("work/node_modules/.bin/tsmcp-bootstrap"));
    expect(launcher("work/node_modules/.bin/tsmcp-bootstrap", "path").command).toBe(at("package/bin/tsmcp"));
  });

  test("starts Node by path when the agent would not find that either", () => {
    expect(launcher("package/bin/tsmcp")).toEqual({ command: "/opt/node", leadingArgs: [at("package/bin/tsmcp")] });
  });

  test("takes no relative or empty entry of PATH for granted", () => {
    const found = launcherFor({ env: { PATH: ":.:bin" }, script: at("package/bin/tsmcp"), node: "/opt/node" });
    expect(found.command).toBe("/opt/node");
  });
});

test("findExecutable finds a command on PATH, by path, and from the workspace, when it can be executed", () => {
  const world = { env: { PATH: at("installed") }, workspace: at("work") };
  writeFileSync(at("work/plain"), "");
  expect(findExecutable("tsmcp", world)).toBe(at("installed/tsmcp"));
  expect(findExecutable("./node_modules/.bin/tsmcp", world)).toBe(at("work/node_modules/.bin/tsmcp"));
  for (const command of ["node", "./plain", "/nonexistent", root])
    expect(findExecutable(command, world)).toBeUndefined();
});
