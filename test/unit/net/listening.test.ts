import { createServer } from "node:net";
import { expect, test } from "vitest";
import { freePort, isListening, ownerOfPort } from "../../../src/net/listening.ts";
import { listen } from "../../fakes/listening.ts";

test("ownerOfPort names this process while it listens, and isListening agrees", async () => {
  const server = createServer();
  const port = await listen(server);
  expect(ownerOfPort(port)).toMatchObject({ pid: process.pid });
  expect(await isListening({ host: "127.0.0.1", port })).toBe(true);
  await new Promise((done) => server.close(done));
  expect(ownerOfPort(port)).toEqual({ unknown: "no listening socket of this network namespace has that port" });
  expect(await isListening({ host: "127.0.0.1", port })).toBe(false);
});

test("ownerOfPort says why it cannot tell when proc is missing", () => {
  expect(ownerOfPort(1055, "/nonexistent")).toHaveProperty("unknown");
});

test("freePort gives a port that can be listened on", async () => {
  const port = await freePort();
  const server = createServer();
  await new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
  await new Promise((done) => server.close(done));
});
