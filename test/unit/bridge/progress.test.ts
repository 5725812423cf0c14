import { once } from "node:events";
import { expect, test } from "vitest";
import { startBridge } from "../../fakes/bridge.ts";
import { answerRoutine, startScriptedServer } from "../../fakes/mcp-server.ts";

test("an answer is written apart from the progress before it, which SDK clients otherwise forget", async () => {
  const progress = { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 1, progress: 1 } };
  const answer = { jsonrpc: "2.0", id: 2, result: {} };
  await using server = await startScriptedServer((seen, reply) => {
    if (answerRoutine(seen, reply)) return;
    const stream = reply.stream();
    stream.write([progress, progress, answer].map((message) => `data: ${JSON.stringify(message)}\n\n`).join(""));
    stream.end();
  });
  await using bridge = startBridge({ urls: [server.url] });
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } };
  const writes: string[] = [];
  bridge.stdout.on("data", (chunk: Buffer) => writes.push(chunk.toString()));
  bridge.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params })}\n`);
  await once(bridge.stdout, "data");
  writes.length = 0;
  bridge.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
  bridge.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "t" } })}\n`);
  while (!writes.join("").includes(`"id":2`)) await once(bridge.stdout, "data");
  expect(
    writes
      .join("")
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line)),
  ).toEqual([progress, progress, answer]);
  expect(writes.find((text) => text.includes(`"id":2`))).not.toContain("notifications/progress");
});
