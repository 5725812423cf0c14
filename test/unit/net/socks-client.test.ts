import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import { freePort } from "../../../src/net/listening.ts";
import type { ProxyEndpoint } from "../../../src/net/proxy.ts";
import { tryAsSocksClient } from "../../../src/net/socks-client.ts";
import { listen } from "../../fakes/listening.ts";
import { startFakeProxy } from "../../fakes/proxy.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const target = { host: "node.tail.ts.net", port: 8443 };
const at = (port: number): ProxyEndpoint => ({ protocol: "http", host: "127.0.0.1", port });

test("a third-party client reaches a name through the proxy, and sends no byte", async () => {
  const received: Buffer[] = [];
  const server = createServer((socket) => socket.on("error", () => {}).on("data", (chunk) => received.push(chunk)));
  cleanups.push(() => server.close());
  const closed = once(server, "connection").then(([socket]) => once(socket, "close"));
  const proxy = await startFakeProxy({ names: { "node.tail.ts.net": await listen(server) } });
  cleanups.push(() => proxy[Symbol.asyncDispose]());
  await tryAsSocksClient(target, at(proxy.port), { timeoutMs: 5_000 });
  await closed;
  expect(proxy.asked).toEqual(["socks5 node.tail.ts.net:8443"]);
  expect(Buffer.concat(received).toString()).toBe("");
});

test("a third-party client is told when nothing listens, or when what listens is silent", async () => {
  await expect(tryAsSocksClient(target, at(await freePort()), { timeoutMs: 5_000 })).rejects.toMatchObject({
    code: "dial-failed",
    facts: { layer: "proxy" },
  });
  const silent = createServer((socket) => cleanups.push(() => socket.destroy()));
  cleanups.push(() => silent.close());
  await expect(tryAsSocksClient(target, at(await listen(silent)), { timeoutMs: 50 })).rejects.toMatchObject({
    code: "dial-failed",
    facts: { layer: "proxy" },
  });
});
