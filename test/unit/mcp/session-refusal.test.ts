import { expect, test } from "vitest";
import { isSessionRefusal } from "../../../src/mcp/session-refusal.ts";

const sentIn = { id: "s", protocolVersion: "2025-11-25" };
const refused = (status: number, text: string) => ({
  ...{ kind: "refused" as const, status, text, headers: [] },
  body: text.startsWith("{") ? JSON.parse(text) : undefined,
});
const rpc = (id: unknown, code: number, message: string): string =>
  JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } });

test.each([
  ["Python since #1808", 404, rpc("server-error", -32600, "Session not found")],
  ["Python of a session that was ended", 404, rpc(null, -32600, "Not Found: Session has been terminated")],
  ["Python before", 400, "Bad Request: No valid session ID provided"],
  ["TypeScript", 404, rpc(null, -32001, "Session not found")],
  ["TypeScript, started anew", 400, rpc(null, -32000, "Bad Request: Server not initialized")],
  ["TypeScript examples", 400, rpc(null, -32000, "Bad Request: No valid session ID provided")],
  ["Go", 404, "session not found\n"],
  ["Java", 404, JSON.stringify({ jsonRpcError: { code: -32603, message: "Session not found: 5f0c" } })],
  ["C#", 404, rpc(7, -32001, "Session not found")],
  [
    "C#, now stateless",
    400,
    rpc(7, -32000, "Bad Request: The Mcp-Session-Id header is not supported in stateless mode"),
  ],
  ["rmcp", 404, "Not Found: Session not found"],
  ["rmcp before #682", 401, "Unauthorized: Session not found"],
  ["mcp-go", 404, "Session terminated"],
  ["mcp-go before #689", 400, "Invalid session ID"],
  ["one that names a sessionId", 400, JSON.stringify({ error: "sessionId not found" })],
  ["one that says no more than 404", 404, rpc(null, -32000, "Not Found")],
])("the words of %s are of an unknown session", (_server, status, text) => {
  expect(isSessionRefusal(refused(status, text), sentIn)).toBe(true);
});

test.each([
  // Python in JSON mode, of a session ended in mid-call: this one did run.
  [500, rpc(null, -32603, "Session terminated before the request completed")],
  [400, rpc(null, -32000, "Session terminated before the request completed")],
  // Go and C#: another user's.
  [403, "session user mismatch"],
  [400, "unknown session_type"],
  [400, "no session-cookie is required here"],
  [400, rpc(7, -32000, "shell session 4 not found")],
  [401, "sign in first"],
  [404, rpc(7, -32601, "Method not found")],
  [404, rpc("a", -32002, "Resource not found: file:///sessions")],
])("a refusal with %d %s is the request's own", (status, text) => {
  expect(isSessionRefusal(refused(status, text), sentIn)).toBe(false);
});

test("a request that went in no session was not refused for one", () => {
  expect(isSessionRefusal(refused(404, "session not found"), undefined)).toBe(false);
});
