import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { environmentWithoutDeadProxies } from "../../../src/bootstrap/upstream-proxy.ts";
import { silentLog } from "../../../src/core/log.ts";
import { freePort } from "../../../src/net/listening.ts";
import { listen } from "../../fakes/listening.ts";

test("proxies that answer are kept; our own and dead ones are not, and the dead are told without passwords", async () => {
  const server = createServer((socket) => socket.destroy());
  onTestFinished(() => void server.close());
  const alive = `http://user:secret@127.0.0.1:${await listen(server)}`;
  const own = { host: "127.0.0.1", port: await freePort() };
  const warnings: string[] = [];
  const world = {
    env: {
      HTTPS_PROXY: alive,
      https_proxy: `http://localhost:${own.port}`,
      HTTP_PROXY: `http://user:secret@127.0.0.1:${await freePort()}`,
      http_proxy: "no proxy at all",
    },
    log: { ...silentLog, warn: (line: string) => warnings.push(line) },
    signal: new AbortController().signal,
  };
  const env = await environmentWithoutDeadProxies(world, { logsDir: "/logs", own: [own] });
  expect(env).toEqual({ HTTPS_PROXY: alive, TS_LOGS_DIR: "/logs" });
  expect(warnings).toEqual(
    ["HTTP_PROXY", "http_proxy"].map(
      (name) => `${name} names a proxy that does not accept connections; tailscale goes on without it`,
    ),
  );
});
