import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { afterEach, expect, test } from "vitest";
import { dialFor } from "../../../src/bridge/plain-dial.ts";
import type { DialRoute } from "../../../src/net/dial.ts";
import { startFakeProxy } from "../../fakes/proxy.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const header = ["authorization", "Bearer s3cret"];
const plain = { host: "node.tail.ts.net", port: 80, tls: false };

/** A server on this machine, behind a proxy that knows it as a node. */
async function start(host = "127.0.0.1") {
  const server = createServer((socket) => void socket.on("error", () => {}).resume());
  await new Promise<void>((ready) => server.listen(0, host, ready));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const proxy = await startFakeProxy({ names: { [plain.host]: port, "example.com": port, "100.64.0.7": port } });
  cleanups.push(
    () => server.close(),
    () => proxy[Symbol.asyncDispose](),
  );
  return { port, proxy, through: { protocol: "http", host: "127.0.0.1", port: proxy.port } as const };
}

async function outcome(target: typeof plain, route: DialRoute, headers: readonly unknown[] = [header]) {
  try {
    const socket = await dialFor(headers, { target, route, options: { timeoutMs: 30_000 } });
    socket.destroy();
    return "dialled";
  } catch (error) {
    return String(error);
  }
}

test("a header goes out in plain HTTP to the tailnet, through a proxy on this machine", async () => {
  const { through } = await start();
  expect(await outcome(plain, through)).toBe("dialled");
  expect(await outcome({ ...plain, host: "100.64.0.7" }, through)).toBe("dialled");
});

test("a header goes out in plain HTTP to this machine", async () => {
  const { port } = await start();
  expect(await outcome({ ...plain, host: "127.0.0.1", port }, undefined)).toBe("dialled");
});

test("a header never goes out in plain HTTP to a server elsewhere, which TLS or no header may reach", async () => {
  const { through, proxy } = await start();
  const elsewhere = { ...plain, host: "example.com" };
  expect(await outcome(elsewhere, through)).toContain("http://example.com:80 is not in the tailnet");
  expect(await outcome({ ...plain, host: "node.ts.net.example.com" }, through)).toContain("is not in the tailnet");
  expect(proxy.accepted).toBe(0);
  expect(await outcome({ ...elsewhere, tls: true }, through)).toBe("dialled");
  expect(await outcome(elsewhere, through, [])).toBe("dialled");
});

test("a header never goes out in plain HTTP through a proxy on another machine", async () => {
  const far = { protocol: "http", host: "proxy.example.com", port: 3128 } as const;
  expect(await outcome(plain, far)).toContain("the proxy http://proxy.example.com:3128 is not on this machine");
});

const own = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;

test.runIf(own !== undefined)(
  "a header never goes out in plain HTTP where the name leads out of the tailnet",
  async () => {
    const { port } = await start(own);
    const out: DialRoute = { connectTo: { address: own ?? "", port } };
    expect(await outcome(plain, out)).toContain(`its name leads to ${own}, which is not in the tailnet`);
    expect(await outcome(plain, out, [])).toBe("dialled");
  },
);
