import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import { TsmcpError } from "../../../src/core/errors.ts";
import { Secret } from "../../../src/core/secrets.ts";
import { dial } from "../../../src/net/dial.ts";
import { freePort } from "../../../src/net/listening.ts";
import type { ProxyEndpoint, ProxyProtocol } from "../../../src/net/proxy.ts";
import { listen } from "../../fakes/listening.ts";
import { startFakeProxy } from "../../fakes/proxy.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function startGreeter(): Promise<number> {
  // Speaks first, so that a byte lost behind the proxy's answer shows.
  const server = createServer((socket) => socket.on("error", () => {}).end("hello"));
  cleanups.push(() => server.close());
  return listen(server);
}

async function startProxy(options?: Parameters<typeof startFakeProxy>[0]) {
  const proxy = await startFakeProxy(options);
  cleanups.push(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

async function failureOf(promise: Promise<unknown>): Promise<TsmcpError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof TsmcpError) return error;
  throw new Error(`expected a TsmcpError, got ${String(error)}`);
}

const loopback = (port: number, protocol: ProxyProtocol = "http"): ProxyEndpoint => ({
  protocol,
  host: "127.0.0.1",
  port,
});

test.each(["http", "socks5h", "socks4a"] as const)(
  "dial goes through a %s proxy, which resolves the name",
  async (protocol) => {
    const port = await startGreeter();
    const proxy = await startProxy({ names: { "node.tail.ts.net": port } });
    const socket = await dial({ host: "node.tail.ts.net", port: 8443 }, loopback(proxy.port, protocol), {
      timeoutMs: 30_000,
    });
    expect(String(await once(socket, "data"))).toBe("hello");
    expect(proxy.asked).toEqual([
      `${{ http: "connect", socks5h: "socks5", socks4a: "socks4a" }[protocol]} node.tail.ts.net:8443`,
    ]);
  },
);

test.each([
  ["ends its lines without a carriage return", "HTTP/1.0 200 OK\nVia: x\n\n"],
  ["says first that it goes on", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"],
  ["has much to say", `HTTP/1.1 200 Connection established\r\nVia: ${"x".repeat(8_000)}\r\n\r\n`],
])("dial takes the tunnel of a proxy that %s", async (_what, head) => {
  const server = createServer((socket) => {
    socket.on("error", () => {}).once("data", () => void socket.end(`${head}hello`));
  });
  cleanups.push(() => server.close());
  const socket = await dial({ host: "node.ts.net", port: 8443 }, loopback(await listen(server)), { timeoutMs: 5_000 });
  expect(String(await once(socket, "data"))).toBe("hello");
});

test.each(["http", "socks5h"] as const)("dial hands user and password to a %s proxy", async (protocol) => {
  const port = await startGreeter();
  const credentials = { username: "me", password: "p:w" };
  const proxy = await startProxy({ names: { there: port }, credentials });
  const endpoint = { ...loopback(proxy.port, protocol), username: "me", password: new Secret("p:w", "test") };
  const socket = await dial({ host: "there", port: 1 }, endpoint, { timeoutMs: 30_000 });
  socket.destroy();
  const failure = await failureOf(
    dial({ host: "there", port: 1 }, loopback(proxy.port, protocol), { timeoutMs: 30_000 }),
  );
  expect(failure.facts.layer).toBe("proxy");
});

test("dial tells an unknown name in the proxy's own words", async () => {
  const proxy = await startProxy();
  const failure = await failureOf(
    dial({ host: "gone.ts.net", port: 443 }, loopback(proxy.port), { timeoutMs: 30_000 }),
  );
  expect(failure.code).toBe("dial-failed");
  expect(failure.facts).toEqual({
    layer: "name",
    reason: "lookup gone.ts.net: no such host",
    target: "gone.ts.net:443",
    proxy: `http://127.0.0.1:${proxy.port}`,
  });
});

test("dial tells a closed port behind the proxy as the layer connect", async () => {
  const proxy = await startProxy({ names: { node: await freePort() } });
  const failure = await failureOf(dial({ host: "node", port: 443 }, loopback(proxy.port), { timeoutMs: 30_000 }));
  expect(failure.facts).toMatchObject({ layer: "connect", reason: "dial tcp: connection was refused" });
});

test("dial blames the proxy when nothing listens on its port", async () => {
  const port = await freePort();
  const failure = await failureOf(dial({ host: "node", port: 443 }, loopback(port), { timeoutMs: 30_000 }));
  expect(failure.facts.layer).toBe("proxy");
  expect(failure.message).toBe(
    `the proxy http://127.0.0.1:${port} cannot be used for node:443: connect ECONNREFUSED 127.0.0.1:${port}`,
  );
});

test.each([
  ["http", "SSH-2.0-OpenSSH\r\n"],
  ["socks5h", "SSH-2.0-OpenSSH\r\n"],
  ["socks4a", "SSH-2.0-OpenSSH\r\n"],
  ["http", ""],
] as const)("dial blames the proxy when a %s one answers %j", async (protocol, answer) => {
  const server = createServer((socket) => socket.on("error", () => {}).end(answer));
  cleanups.push(() => server.close());
  const failure = await failureOf(
    dial({ host: "node", port: 1 }, loopback(await listen(server), protocol), { timeoutMs: 30_000 }),
  );
  expect(failure.facts.layer).toBe("proxy");
});

test("dial gives up after its time-out when the proxy never answers, and hangs up", async () => {
  const closed: Promise<unknown>[] = [];
  const server = createServer((socket) => void closed.push(once(socket.on("error", () => {}).resume(), "close")));
  cleanups.push(() => server.close());
  const failure = await failureOf(dial({ host: "node", port: 1 }, loopback(await listen(server)), { timeoutMs: 50 }));
  expect(failure.facts).toMatchObject({ layer: "connect", reason: "no answer within 50 ms" });
  await Promise.all(closed);
});

test("dial rejects with the caller's reason when the caller gives up", async () => {
  const server = createServer((socket) => void socket.on("error", () => {}));
  cleanups.push(() => server.close());
  const controller = new AbortController();
  const dialing = dial({ host: "node", port: 1 }, loopback(await listen(server)), {
    timeoutMs: 30_000,
    signal: controller.signal,
  });
  const reason = new Error("enough");
  controller.abort(reason);
  await expect(dialing).rejects.toBe(reason);
});

test("dial connects to another address in the target's place when told so", async () => {
  const port = await startGreeter();
  const socket = await dial(
    { host: "node.invalid", port: 443 },
    { connectTo: { address: "127.0.0.1", port } },
    { timeoutMs: 30_000 },
  );
  expect(String(await once(socket, "data"))).toBe("hello");
});

test("dial refuses a host that would forge the proxy request", async () => {
  const failure = await failureOf(dial({ host: "a:1 HTTP/1.1\r\nX: y", port: 1 }, undefined, { timeoutMs: 30_000 }));
  expect(failure.code).toBe("usage-invalid");
});
