import { createServer } from "node:http";
import { afterEach, expect, test, vi } from "vitest";
import { listen } from "../../fakes/listening.ts";
import { startGate } from "../../peers/gates/mcp-server.ts";
import { startTwoSides } from "./two-sides.ts";

vi.setConfig({ testTimeout: 60_000 });

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part[Symbol.asyncDispose]();
});

test("a server that takes 2.5 s to answer is reached all the same, and Tailscale on this machine is not blamed", async () => {
  const gate = await startGate({ gate: () => true });
  open.push(gate);
  // The server is like that; nothing here waits for it.
  const slow = createServer((request, response) => void setTimeout(() => gate.handle(request, response), 2_500));
  const port = await listen(slow);
  open.push({ [Symbol.asyncDispose]: async () => slow.closeAllConnections() });
  const sides = await startTwoSides({ privatePort: port, publicPort: port });
  open.push(sides);
  const report = await sides.examine({ only: ["tailscale.installed", "tailscale.state", "tailnet.tools"] });
  expect(report.checks.filter(({ status }) => status === "fail")).toEqual([]);
});
