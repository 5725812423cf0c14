import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cursor } from "../../../src/agents/cursor.ts";
import { agentDialects, agentOfThisMachine, selectAgents } from "../../../src/agents/registry.ts";
import configSchema from "../../../src/config/config.schema.json" with { type: "json" };

let workspace = "";
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "tsmcp-registry-"));
});
afterEach(() => rmSync(workspace, { recursive: true }));

const select = (words: readonly string[], env: Record<string, string> = {}): string[] =>
  selectAgents(words, { env, workspace }).map(({ name }) => name);

test("selectAgents returns an agent once when it is named and found", () => {
  mkdirSync(join(workspace, ".cursor"));
  expect(select(["cursor", "auto", "cursor"])).toEqual(["cursor"]);
});

test("auto means the agent of this VM, or of the workspace, also in a CI job", () => {
  expect(select(["auto"], { CI: "true", CURSOR_AGENT_SOCKET: "/run/s" })).toEqual(["cursor"]);
  mkdirSync(join(workspace, ".cursor"));
  expect(select(["auto"], { CI: "true" })).toEqual(["cursor"]);
});

test("auto leaves other agents alone in the VM of one, but for those whose file is there", () => {
  for (const directory of [".claude", ".gemini", ".zed"]) mkdirSync(join(workspace, directory));
  expect(select(["auto"])).toEqual(["claude", "gemini", "zed"]);
  expect(select(["auto"], { CLAUDE_CODE_REMOTE: "true" })).toEqual(["claude"]);
  writeFileSync(join(workspace, ".gemini/settings.json"), "{}");
  expect(select(["auto"], { CURSOR_AGENT_SOCKET: "/run/s" })).toEqual(["cursor", "gemini"]);
});

test("selectAgents says where to paste when an agent reads nothing from the workspace", () => {
  expect(() => select(["windsurf"])).toThrowError(
    expect.objectContaining({ code: "usage-invalid", hint: expect.stringContaining("tsmcp init windsurf") }),
  );
});

test("auto means Cursor when there is no trace of any agent, and none in a CI job", () => {
  expect(select(["auto"])).toEqual(["cursor"]);
  expect(select(["auto"], { CI: "true" })).toEqual([]);
});

test("selectAgents names the nearest agent when one is unknown", () => {
  expect(() => select(["curser"])).toThrowError(
    expect.objectContaining({ code: "usage-invalid", hint: 'did you mean "cursor"?' }),
  );
  expect(() => select(["constructor"])).toThrowError(
    expect.objectContaining({ hint: "name one of cursor, claude, codex, copilot-cli, gemini, vscode, zed, auto" }),
  );
});

test("agentOfThisMachine knows a Cursor VM by its socket, and no other machine", () => {
  expect(agentOfThisMachine({ CURSOR_AGENT_SOCKET: "/run/s" })).toBe(cursor);
  expect(agentOfThisMachine({ CURSOR_AGENT_SOCKET: "" })).toBeUndefined();
});

test("the configuration may name every agent that --agent may", () => {
  const words = [...agentDialects.map(({ name }) => name), "auto"];
  expect(configSchema.properties.agents.items.enum).toEqual(words);
});
