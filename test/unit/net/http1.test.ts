import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { dial } from "../../../src/net/dial.ts";
import { discard } from "../../../src/net/discard.ts";
import { createHttp1Pool, requestHttp1 } from "../../../src/net/http1.ts";
import { listen } from "../../fakes/listening.ts";

test("a connection that waits too long for its next request is closed, and the server is not blamed", async () => {
  const server = createServer({ keepAliveTimeout: 600_000 }, (_request, response) => response.end());
  let connections = 0;
  const firstClosed = new Promise((resolve) => {
    server.on("connection", (socket) => {
      connections += 1;
      socket.once("close", resolve);
    });
  });
  const port = await listen(server);
  const pool = await createHttp1Pool({
    maxConnections: 2,
    open: () => dial({ host: "127.0.0.1", port }, undefined, { timeoutMs: 30_000 }),
    longestIdleMs: 1,
  });
  onTestFinished(() => {
    pool.close();
    server.close();
  });
  const ask = async (): Promise<void> => {
    const request = { method: "POST", scheme: "http", authority: "localhost", target: "/", headers: [] } as const;
    const { body } = await requestHttp1({ ...request, body: Buffer.from("x") }, { pool });
    discard(body);
  };
  await ask();
  await firstClosed;
  expect(await pool.keepAlive.isKept()).toBe(true);
  await ask();
  expect(connections).toBe(2);
});
