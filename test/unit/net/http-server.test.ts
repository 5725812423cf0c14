import { once } from "node:events";
import { existsSync, renameSync, statSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { type HttpServerOptions, startHttpServer } from "../../../src/net/http-server.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

async function start(options: Partial<HttpServerOptions> = {}) {
  const path = join(temporaryDirectory(), "s");
  const seen: { readonly method: string; readonly url: string; readonly lines: number }[] = [];
  const server = await startHttpServer({
    address: { kind: "unix", path },
    headersTimeoutMs: 5_000,
    requestTimeoutMs: 5_000,
    onRequest(request, response) {
      seen.push({ method: request.method ?? "", url: request.url ?? "", lines: request.rawHeaders.length / 2 });
      request.resume();
      request.once("end", () => response.end("answered"));
    },
    ...options,
  });
  onTestFinished(() => server.close(0));
  const open = (): Socket => {
    const socket = connect(path);
    onTestFinished(() => void socket.destroy());
    return socket.on("error", () => {});
  };
  const send = (bytes: string): Promise<string> => {
    const socket = open();
    socket.write(bytes);
    return text(socket);
  };
  return { server, seen, path, send, open };
}

const head = (line: string, more = ""): string => `${line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${more}\r\n`;

test("every header line that came is there, however many", async () => {
  const { send, seen } = await start();
  expect(await send(head("GET /a", "a: b\r\n".repeat(2_000)))).toContain("answered");
  expect(seen).toEqual([{ method: "GET", url: "/a", lines: 2_002 }]);
});

test("64 KiB of headers are read, and more are refused with 431", async () => {
  const { send, seen } = await start();
  expect(await send(head("GET /a", `x: ${"y".repeat(60 * 1024)}\r\n`))).toContain("answered");
  const refused = await send(head("GET /a", `x: ${"y".repeat(70 * 1024)}\r\n`));
  expect(refused).toMatch(/^HTTP\/1\.1 431 /);
  expect(refused).toContain("Connection: close");
  expect(seen).toHaveLength(1);
});

test.each([
  ["a path is handed on byte for byte", "GET /mcp/../%2e%2E//notes?x", { url: "/mcp/../%2e%2E//notes?x" }],
  ["an absolute target too", "GET https://node:8443/mcp", { url: "https://node:8443/mcp" }],
])("%s", async (_what, line, expected) => {
  const { send, seen } = await start();
  await send(head(line));
  expect(seen).toMatchObject([expected]);
});

test("an upgrade is a request like any other", async () => {
  const { send, seen } = await start();
  const bytes = "GET /a HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n";
  expect(await send(bytes)).toContain("answered");
  expect(seen).toHaveLength(1);
});

test.each([
  ["CONNECT", "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", ""],
  ["what is no HTTP", "hello\r\n\r\n", "HTTP/1.1 400 "],
  [
    "both lengths at once",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0",
    "HTTP/1.1 400 ",
  ],
])("%s ends the connection, and reaches nobody", async (_what, bytes, answer) => {
  const { send, seen } = await start();
  expect((await send(bytes)).slice(0, answer.length || undefined)).toBe(answer);
  expect(seen).toEqual([]);
});

describe("a caller that takes its time", () => {
  test("with the head is cut off", async () => {
    const { send, seen } = await start({ headersTimeoutMs: 100, requestTimeoutMs: 200 });
    await send("GET /a HTTP/1.1\r\nHost: h\r\n");
    expect(seen).toEqual([]);
  });

  test("with the body is cut off", async () => {
    const { send, seen } = await start({ headersTimeoutMs: 100, requestTimeoutMs: 200 });
    const answer = await send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n123");
    expect(answer).not.toContain("answered");
    expect(seen).toHaveLength(1);
  });
});

test("connections beyond the most are closed at once, and the others go on", async () => {
  const { open } = await start({ maxConnections: 2 });
  const kept = [open(), open()];
  await Promise.all(kept.map((socket) => once(socket, "connect")));
  expect(await text(open())).toBe("");
  for (const socket of kept) {
    socket.write(head("GET /a"));
    expect(await text(socket)).toContain("answered");
  }
});

test("a socket is its user's alone, and takes the place of one that nobody listens on", async () => {
  const { path, server } = await start();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const second = { headersTimeoutMs: 1_000, requestTimeoutMs: 1_000, onRequest: () => {} };
  await expect(startHttpServer({ address: { kind: "unix", path }, ...second })).rejects.toMatchObject({
    code: "listen-failed",
  });
  await server.close(0);
  const left = createServer().listen(`${path}2`);
  await once(left, "listening");
  // As after a SIGKILL: the file stays, and nobody is there. Under its first name Node would remove it.
  renameSync(`${path}2`, path);
  left.close();
  await once(left, "close");
  expect(existsSync(path)).toBe(true);
  const again = await startHttpServer({ address: { kind: "unix", path }, ...second });
  await again.close(0);
});
