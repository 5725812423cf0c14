import { expect, test } from "vitest";
import { serverFromUrl } from "../../../src/config/server.ts";
import { assertOwnServers, type ConfiguredServer, findServer } from "../../../src/config/servers.ts";

const server = (url: string, trusted = false): ConfiguredServer => ({
  ...serverFromUrl(url, "URL", "notes"),
  origin: "/repo/tsmcp.config.json:2:5",
  trusted,
});
const known = new Map([["notes", server("https://n.t.ts.net:8443/mcp")]]);

test("findServer takes a URL as a server when it is no configured name", () => {
  expect(findServer("https://x.t.ts.net/mcp", known).tailnetUrl).toBe("https://x.t.ts.net:8443/mcp");
  expect(findServer("notes", known).name).toBe("notes");
});

test("findServer names the nearest when a name is unknown", () => {
  expect(() => findServer("note", known)).toThrowError(
    expect.objectContaining({ code: "server-unknown", hint: 'did you mean "notes"?' }),
  );
  expect(() => findServer("constructor", known)).toThrowError(expect.objectContaining({ code: "server-unknown" }));
});

test.each([
  ["https://n.t.ts.net:8443/mcp", false],
  ["https://a.b.t.ts.net/mcp", false],
  ["http://127.0.0.1:3000/mcp", true],
])("assertOwnServers lets %s pass when the tailnet is t.ts.net", (url, trusted) => {
  expect(() => assertOwnServers([server(url, trusted)], "t.ts.net")).not.toThrow();
  expect(() => assertOwnServers([server(url, trusted)], "T.ts.net.")).not.toThrow();
});

test.each([
  ["https://n.other.ts.net:8443/mcp", true],
  ["https://nt.ts.net/mcp", false],
  ["https://t.ts.net/mcp", false],
  ["https://t.ts.net.evil.example/mcp", false],
  ["http://127.0.0.1:3000/mcp", false],
])("assertOwnServers refuses %s when the tailnet is t.ts.net", (url, trusted) => {
  expect(() => assertOwnServers([server(url, trusted)], "t.ts.net")).toThrowError(
    expect.objectContaining({ code: "server-foreign" }),
  );
});

test("assertOwnServers refuses every server when the suffix is unknown", () => {
  expect(() => assertOwnServers([server("https://n.t.ts.net")], "")).toThrowError();
});
