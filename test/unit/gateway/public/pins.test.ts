import { expect, test } from "vitest";
import type { LockResult } from "../../../../src/config/lock.ts";
import { pinnedTools } from "../../../../src/gateway/public/pins.ts";

const search = {
  name: "search",
  description: "Finds notes.",
  inputSchema: { type: "object", properties: { q: { type: "string" } } },
  annotations: { readOnlyHint: true },
  icons: [{ src: "https://inside.example.com/icon.png" }],
  _meta: { ui: { resourceUri: "ui://notes/search" } },
};

function lockOf(servers: Readonly<Record<string, { url?: string; tools: readonly object[] }>>): LockResult {
  const locked = Object.entries(servers).map(([name, { url = "https://n.ts.net:8443/mcp/x", tools }]) => [
    name,
    { url, protocolVersion: "2025-11-25", serverInfo: {}, capabilities: {}, tools },
  ]);
  return { status: "ok", lock: { version: 1, servers: Object.fromEntries(locked) } };
}

const upstreams = { notes: { url: "http://127.0.0.1:1/mcp" }, off: { url: "http://127.0.0.1:1/mcp", enabled: false } };
const lockFile = "/etc/tsmcp.lock.json";

function pinned(publicTools: readonly string[], lock: LockResult) {
  return pinnedTools({ publicTools, upstreams, lock, lockFile });
}

test("a tool is shown by its pin, without links, pages and tasks", () => {
  const [pin, ...others] = pinned(["notes/search", "notes/search"], lockOf({ notes: { tools: [search] } }));
  const { icons: _icons, _meta, ...shown } = search;
  expect(pin).toMatchObject({ upstream: "notes", name: "search", definition: search, shown });
  expect(Object.keys(pin?.shown ?? {})).toEqual(["name", "description", "inputSchema", "annotations"]);
  expect(others).toEqual([]);
});

test("a server that was locked by its URL is found by its path", () => {
  const url = "https://node.tail.ts.net:8443/mcp/notes";
  expect(pinned(["notes/search"], lockOf({ [url]: { url, tools: [search] } }))).toHaveLength(1);
});

test("a server of the same path is none where the name is locked", () => {
  const url = "https://node.tail.ts.net:8443/mcp/notes";
  const lock = lockOf({ notes: { tools: [] }, other: { url, tools: [search] } });
  expect(() => pinned(["notes/search"], lock)).toThrow("has no pin");
});

const asTask = { ...search, execution: { taskSupport: "required" } };
test.each([
  ["no slash", "search", lockOf({}), "is not UPSTREAM/TOOL"],
  ["no tool", "notes/", lockOf({}), "is not UPSTREAM/TOOL"],
  ["a pattern", "notes/*", lockOf({ notes: { tools: [search] } }), "is not UPSTREAM/TOOL"],
  ["an unknown upstream", "other/search", lockOf({}), "names no upstream"],
  ["what every object has", "constructor/name", lockOf({}), "names no upstream"],
  ["an upstream that is off", "off/search", lockOf({ off: { tools: [search] } }), "names no upstream"],
  ["a tool without a pin", "notes/read", lockOf({ notes: { tools: [search] } }), "(the file has other tools)"],
  ["no lock", "notes/search", { status: "missing" }, "(there is no such file)"],
  ["a broken lock", "notes/search", { status: "invalid", reason: "is not JSON" }, "(is not JSON)"],
  ["a pin without a schema", "notes/search", lockOf({ notes: { tools: [{ name: "search" }] } }), "cannot be used"],
  ["a tool that is a task", "notes/search", lockOf({ notes: { tools: [asTask] } }), "cannot be used"],
] as const)("%s is refused", (_what, name, lock, message) => {
  expect(() => pinned([name], lock)).toThrow(message);
});

test("a missing pin comes with the command that makes one", () => {
  try {
    pinned(["notes/search"], { status: "missing" });
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({
      code: "config-invalid",
      message: `gateway.publicTools: "notes/search" has no pin in ${lockFile} (there is no such file)`,
      hint: expect.stringContaining("tsmcp doctor https://NODE:8443/mcp/notes --update-lock"),
    });
  }
});
