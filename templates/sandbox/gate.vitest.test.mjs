// Proves that your MCP server shows its tools to the tailnet and nothing to the internet.
// npx vitest run gate.vitest.test.mjs        (for node:test there is gate.test.mjs)
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { startSandbox } from "tsmcp/sandbox";
import { afterAll, beforeAll, expect, test } from "vitest";

/** Where your server listens. */
const target = process.env.TARGET ?? "http://127.0.0.1:3000";

let sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({
    serve: [
      { port: 8443, target, acceptAppCaps: ["example.com/cap/mcp"] },
      { port: 443, target, funnel: true },
    ],
  });
});
afterAll(() => sandbox.close());

/** Asks for the list of tools as one of the callers: user, agent, stranger, guest or internet. */
async function toolsSeenBy(caller, headers = []) {
  const port = caller === "internet" ? "" : ":8443";
  const url = `https://${sandbox.host}${port}/mcp`;
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
  const accept = ["Accept: application/json, text/event-stream", "Content-Type: application/json"];
  const args = [...accept, ...headers].flatMap((header) => ["-H", header]);
  const { stdout } = await promisify(execFile)("curl", [
    "-sS",
    ...args,
    "-d",
    body,
    ...sandbox.callers[caller].curl(url),
  ]);
  return JSON.parse(stdout).result?.tools ?? [];
}

test("the agent sees tools", async () => {
  expect(await toolsSeenBy("agent")).not.toEqual([]);
});

test("the internet sees none", async () => {
  expect(await toolsSeenBy("internet")).toEqual([]);
});

test("the internet sees none when it names another host", async () => {
  expect(await toolsSeenBy("internet", [`Host: ${sandbox.host}:8443`])).toEqual([]);
});
