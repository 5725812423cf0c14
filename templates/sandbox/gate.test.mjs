// Proves that your MCP server shows its tools to the tailnet and nothing to the internet.
// node --test gate.test.mjs        (for vitest there is gate.vitest.test.mjs)
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { startSandbox } from "tsmcp/sandbox";

/** Where your server listens. */
const target = process.env.TARGET ?? "http://127.0.0.1:3000";

let sandbox;
before(async () => {
  sandbox = await startSandbox({
    serve: [
      { port: 8443, target, acceptAppCaps: ["example.com/cap/mcp"] },
      { port: 443, target, funnel: true },
    ],
  });
});
after(() => sandbox.close());

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
  assert.notEqual((await toolsSeenBy("agent")).length, 0);
});

test("the internet sees none", async () => {
  assert.deepEqual(await toolsSeenBy("internet"), []);
});

test("the internet sees none when it names another host", async () => {
  assert.deepEqual(await toolsSeenBy("internet", [`Host: ${sandbox.host}:8443`]), []);
});
