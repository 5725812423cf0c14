import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { processesNaming, tsmcp } from "./tsmcp.ts";

let root = "";
let workspace = "";
let file = "";
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "tsmcp-e2e-agent-")));
  workspace = join(root, "work");
  file = join(workspace, ".cursor/mcp.json");
  mkdirSync(join(workspace, ".cursor"), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

/** Everything that is there, with what changes when a file is written or replaced. */
function fingerprint(): unknown[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => !name.startsWith(".local"))
    .sort()
    .map((name) => {
      const { ino, mode, size, mtimeMs } = lstatSync(join(root, name));
      return [name, ino, mode, size, mtimeMs];
    });
}

test.each<[string, () => void, string]>([
  ["not JSON", () => writeFileSync(file, '{\n  "mcpServers": {\n'), `FILE:3:1: expected a closing brace`],
  ["an array", () => writeFileSync(file, "[]"), "FILE:1:1: expected an object, found an array"],
  ["of another shape", () => writeFileSync(file, '{"mcpServers": 1}'), "FILE:1:16: mcpServers: expected an object"],
  ["a directory", () => mkdirSync(file), '"FILE" is a directory'],
  ["read-only", () => writeFileSync(file, "{}", { mode: 0o444 }), '"FILE" is read-only'],
  ["10 MB", () => writeFileSync(file, `{"a":"${"x".repeat(10_000_000)}"}`), '"FILE" is larger than 1 MiB'],
  [
    "a symbolic link out of the workspace",
    () => {
      writeFileSync(join(root, "outside.json"), "{}");
      symlinkSync("../../outside.json", file);
    },
    '"FILE" is a symbolic link out of the workspace',
  ],
])("up is exit 2 with the place, and touches nothing, when .cursor/mcp.json is %s", async (_title, make, message) => {
  make();
  chmodSync(join(workspace, ".cursor"), 0o755);
  const before = fingerprint();
  const env = { HOME: root, PATH: process.env.PATH ?? "", TS_AUTHKEY: "tskey-auth-unused" };
  const args = ["up", "--agent", "cursor", "--server", "notes=https://node.tailnet.ts.net:8443/mcp"];
  const outcome = await tsmcp([...args, "--login-server", "http://127.0.0.1:9"], { workspace, env });
  expect([outcome.exitCode, outcome.stdout]).toEqual([2, ""]);
  expect(outcome.stderr.replaceAll(file, "FILE")).toContain(`tsmcp: error: ${message}`);
  expect(fingerprint()).toEqual(before);
  expect(processesNaming(root)).toEqual([]);
});
