import { setTimeout as delay } from "node:timers/promises";
import { dial } from "../../src/net/dial.ts";
import { exchange } from "../../src/net/exchange.ts";

/** A server, the proxy to it, and the authority that its certificate is from. */
export interface Way {
  readonly url: URL;
  readonly proxyPort: number;
  readonly ca: string;
}

/** Returns when a `tools/list` through the proxy was answered; tries again while the way is not there. */
export async function firstAnswer(way: Way): Promise<void> {
  const limit = performance.now() + 20_000;
  for (;;) {
    try {
      const session = (await post(way, initialize)).headers.find(([name]) => name === "mcp-session-id")?.[1];
      const answer = await post(way, list, session);
      if (answer.body.includes('"tools"')) return;
      throw new Error(`no tools in ${answer.status} ${answer.body.toString().slice(0, 200)}`);
    } catch (error) {
      if (performance.now() > limit) throw error;
      await delay(5);
    }
  }
}

const initialize = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "bench", version: "1" } },
});
const list = JSON.stringify({ jsonrpc: "2.0", id: 2, method: "tools/list", params: {} });

function post({ url, proxyPort, ca }: Way, body: string, session?: string) {
  const target = { host: url.hostname, port: Number(url.port || 443) };
  return exchange({
    dial: () => dial(target, { protocol: "http", host: "127.0.0.1", port: proxyPort }, { timeoutMs: 5_000 }),
    tls: { servername: url.hostname, ca },
    protocol: "auto",
    method: "POST",
    authority: url.host,
    path: url.pathname,
    headers: [
      ["content-type", "application/json"],
      ["accept", "application/json, text/event-stream"],
      ...(session === undefined ? [] : ([["mcp-session-id", session]] as const)),
    ],
    body,
    timeoutMs: 10_000,
    maxBodyBytes: 1_000_000,
    untilMessage: (bytes) => bytes.includes('"result"'),
  });
}
