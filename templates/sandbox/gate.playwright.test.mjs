// Proves that your MCP server shows its tools to the tailnet and nothing to the internet.
// npx playwright test gate.playwright.test.mjs        (no browser is needed; vitest and node:test: see beside)
import { test as base, expect, request } from "@playwright/test";
import { startSandbox } from "tsmcp/sandbox";

/** Where your server listens. */
const target = process.env.TARGET ?? "http://127.0.0.1:3000";

const test = base.extend({
  // One for each worker. A page sees it too: { proxy: { server: sandbox.callers.user.tunnel }, ignoreHTTPSErrors: true }
  sandbox: [
    // Playwright wants to read there which fixtures it needs.
    async ({ playwright: _playwright }, use) => {
      const sandbox = await startSandbox({
        serve: [
          { port: 8443, target, acceptAppCaps: ["example.com/cap/mcp"] },
          { port: 443, target, funnel: true },
        ],
      });
      await use(sandbox);
      await sandbox.close();
    },
    { scope: "worker" },
  ],

  /** Asks for the list of tools as one of the callers: user, agent, stranger, guest or internet. */
  toolsSeenBy: async ({ sandbox }, use) => {
    const contexts = [];
    await use(async (caller, headers = {}) => {
      const context = await request.newContext({
        proxy: { server: sandbox.callers[caller].tunnel },
        // The sandbox's authority is thrown away with it.
        ignoreHTTPSErrors: true,
      });
      contexts.push(context);
      const answer = await context.post(`https://${sandbox.host}${caller === "internet" ? "" : ":8443"}/mcp`, {
        headers: { Accept: "application/json, text/event-stream", ...headers },
        data: { jsonrpc: "2.0", id: 1, method: "tools/list" },
      });
      return (await answer.json()).result?.tools ?? [];
    });
    for (const context of contexts) await context.dispose();
  },
});

test("the agent sees tools", async ({ toolsSeenBy }) => {
  expect(await toolsSeenBy("agent")).not.toEqual([]);
});

test("the internet sees none", async ({ toolsSeenBy }) => {
  expect(await toolsSeenBy("internet")).toEqual([]);
});

test("the internet sees none when it names another host", async ({ sandbox, toolsSeenBy }) => {
  expect(await toolsSeenBy("internet", { Host: `${sandbox.host}:8443` })).toEqual([]);
});
