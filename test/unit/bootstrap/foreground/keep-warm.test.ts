import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { keepWarm } from "../../../../src/bootstrap/foreground/keep-warm.ts";
import { writeRecord } from "../../../../src/core/record.ts";
import { listen } from "../../../fakes/listening.ts";
import { startFakeProxy } from "../../../fakes/proxy.ts";
import { temporaryDirectory } from "../../../fakes/temporary-directory.ts";

it("the way to every server is used again and again through the proxy of this boot, and one that is gone does no harm", async () => {
  const root = temporaryDirectory();
  mkdirSync(join(root, "home"));
  const over = new AbortController();
  const log = { info() {}, warn() {}, debug() {} };
  const world = { env: { HOME: join(root, "home") }, shmDirectory: root, log, signal: over.signal };
  const server = createServer((socket) => void socket.on("error", () => {}).resume());
  onTestFinished(() => void server.close());
  const proxy = await startFakeProxy({ names: { "notes.test": await listen(server) } });
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const urls = ["https://notes.test:8443/mcp", "https://gone.test/mcp"].map((url) => new URL(url));
  const warming = keepWarm(urls, world, 5);
  const record = { version: 1, socket: "/s", stateDir: "/d", entries: [], exports: [] } as const;
  writeRecord(world, { ...record, proxy: { host: "127.0.0.1", port: proxy.port } });
  await expect.poll(() => proxy.asked.length).toBeGreaterThan(5);
  expect(new Set(proxy.asked)).toEqual(new Set(["connect notes.test:8443", "connect gone.test:443"]));
  over.abort();
  await warming;
});
