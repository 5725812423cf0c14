import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startOwnRelay } from "../../../src/tailscale/own-relay.ts";
import { temporaryBase } from "../../fakes/temporary-directory.ts";

let directory: string;
let daemon: Server;
let socket: string;
/** What was asked of tailscaled. */
const dials: unknown[] = [];
let agrees = true;

beforeAll(async () => {
  directory = mkdtempSync(join(temporaryBase(), "tsmcp-relay-"));
  socket = join(directory, "tailscaled.sock");
  daemon = createServer((_request, response) => response.writeHead(502).end());
  daemon.on("upgrade", (request, stream) => {
    const { host, "dial-host": name, "dial-port": port } = request.headers;
    dials.push([request.method, request.url, host, name, port]);
    if (!agrees) return void stream.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    stream.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: ts-dial\r\nConnection: upgrade\r\n\r\nfirst ");
    stream.pipe(stream);
  });
  await new Promise<void>((resolve) => daemon.listen(socket, resolve));
});

beforeEach(() => {
  agrees = true;
  dials.length = 0;
});

afterAll(async () => {
  await new Promise((resolve) => daemon.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

/** Sends everything at once, ends, and returns what came back. */
async function say(bytes: string): Promise<string> {
  const signal = new AbortController().signal;
  const relay = await startOwnRelay({ host: "n.ts.net", port: 8443 }, { socket, signal });
  try {
    const client = connect({ host: relay.host, port: relay.port });
    client.on("error", () => {}).end(bytes);
    return await text(client).catch(() => "");
  } finally {
    await relay.close();
  }
}

test("the relay has tailscaled dial the one place, and loses no byte of either side", async () => {
  expect(await say("CONNECT n.ts.net:8443 HTTP/1.1\r\nHost: n.ts.net:8443\r\n\r\nthen")).toBe(
    "HTTP/1.1 200 OK\r\n\r\nfirst then",
  );
  expect(dials).toEqual([["POST", "/localapi/v0/dial", "local-tailscaled.sock", "n.ts.net", "8443"]]);
});

test.each([
  "CONNECT n.ts.net:443 HTTP/1.1",
  "CONNECT other.ts.net:8443 HTTP/1.1",
  "GET http://n.ts.net:8443/ HTTP/1.1",
])("the relay leads nowhere else: %s", async (line) => {
  expect(await say(`${line}\r\n\r\n`)).toContain("HTTP/1.1 403 Forbidden");
  expect(dials).toEqual([]);
});

test("the relay says that tailscaled refused, and gives up on a head without an end", async () => {
  agrees = false;
  expect(await say("CONNECT n.ts.net:8443 HTTP/1.1\r\n\r\n")).toContain(
    "Tailscale-Connect-Error: tailscaled answers 502",
  );
  expect(await say(`CONNECT ${"n".repeat(10_000)}`)).toBe("");
});
