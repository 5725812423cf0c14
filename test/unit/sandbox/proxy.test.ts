import type { Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { dial } from "../../../src/net/dial.ts";
import { type CallerProxy, startProxy } from "../../../src/sandbox/proxy/proxy.ts";
import { until } from "../../tailnet/harness/until.ts";

it.each([
  { title: "at once", pause: async () => {} },
  { title: "while it is still dying", pause: () => Promise.resolve().then(() => {}) },
])("A proxy that dies cuts who is there, and listens again when it is revived $title", async ({ pause }) => {
  const proxy = await startedProxy();
  const before = await connected(proxy);
  const cut = new Promise((resolve) => before.once("close", resolve));
  proxy.die();
  await pause();
  proxy.revive();
  await cut;
  const after = await until({ what: "the proxy" }, () => connected(proxy).catch(() => undefined));
  after.destroy();
});

it("A proxy that is closed stays so when it is revived", async () => {
  const proxy = await startedProxy();
  const closed = proxy.close();
  proxy.revive();
  await closed;
  await proxy.close();
  await expect(connected(proxy)).rejects.toThrow(/ECONNREFUSED/);
});

async function startedProxy(): Promise<CallerProxy> {
  const destination = () => ({ kind: "failed", reason: "nowhere" }) as const;
  const proxy = await startProxy({ port: 0 }, { address: () => "127.0.0.1", destination, accept: () => {} });
  onTestFinished(() => proxy.close());
  return proxy;
}

function connected({ port }: CallerProxy): Promise<Socket> {
  return dial({ host: "127.0.0.1", port }, undefined, { timeoutMs: 5_000 });
}
