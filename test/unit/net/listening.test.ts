import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePort, isListening, listenerUids, ownerOfPort } from "../../../src/net/listening.ts";
import { listen } from "../../fakes/listening.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

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

test("freePort gives no port that a program gets which asks for any", async () => {
  const [first = 0] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/).map(Number);
  const ports = await Promise.all(Array.from({ length: 50 }, () => freePort()));
  // Where the system's own range begins lower, there is none.
  expect(ports.filter((port) => first > 32_767 && port >= first)).toEqual([]);
});

test("listenerUids tells this process's user on a real port, and nobody once it is free", async () => {
  const server = createServer();
  const port = await listen(server);
  expect(listenerUids({ host: "127.0.0.1", port })).toEqual([process.getuid?.()]);
  await new Promise((done) => server.close(done));
  expect(listenerUids({ host: "127.0.0.1", port })).toEqual([]);
});

const row = (local: string, uid: number, state = "0A"): string =>
  `   0: ${local}:041F 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 12345 1 0 100 0 0 10 0`;
const zeros = "0".repeat(32);
test.each<[string, string, string[], string[], number[]]>([
  ["another address", "127.0.0.1", [row("0200007F", 7), row("0100007F", 8)], [], [8]],
  ["every address", "127.0.0.1", [row("00000000", 7)], [row(zeros, 8)], [7]],
  ["every address, but that very one too", "127.0.0.1", [row("00000000", 7), row("0100007F", 8)], [], [8]],
  ["every address of IPv6", "127.0.0.1", [], [row(zeros, 8)], [8]],
  ["the address as IPv6 writes it", "127.0.0.1", [], [row("0000000000000000FFFF00000100007F", 8)], [8]],
  ["::1 and IPv4", "::1", [row("0100007F", 7)], [row("00000000000000000000000001000000", 8)], [8]],
  ["the port of a connection", "127.0.0.1", [row("0100007F", 7, "01")], [], []],
])("listenerUids sees what a connection arrives at when there is %s", (_title, host, tcp, tcp6, expected) => {
  const proc = temporaryDirectory();
  mkdirSync(join(proc, "net"));
  writeFileSync(join(proc, "net/tcp"), ["  sl  local_address", ...tcp, ""].join("\n"));
  writeFileSync(join(proc, "net/tcp6"), ["  sl  local_address", ...tcp6, ""].join("\n"));
  expect(listenerUids({ host, port: 1055 }, proc)).toEqual(expected);
});
