import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { dial } from "../../../src/net/dial.ts";
import { type Http2Watch, openHttp2 } from "../../../src/net/http2.ts";
import { tlsOver } from "../../../src/net/tls.ts";
import { certificate, privateKey } from "../../fakes/certificate.ts";
import { listen } from "../../fakes/listening.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A server behind a wire that can go dead without a word, as a host does that loses its power. */
async function start(onStream: (stream: ServerHttp2Stream) => void = () => {}, watch?: Http2Watch) {
  let hears: () => void = () => {};
  const heard = new Promise<void>((resolve) => {
    hears = resolve;
  });
  const server = createSecureServer({ key: privateKey, cert: certificate }, () => hears());
  server.on("stream", onStream);
  const sockets: Socket[] = [];
  const port = await listen(server);
  const wire = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on("error", () => {});
    near.pipe(far).pipe(near);
  });
  const wirePort = await listen(wire);
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    wire.close();
    server.close();
  });
  const die = (): void => {
    for (const socket of sockets) socket.unpipe().pause();
  };
  const socket = await dial({ host: "127.0.0.1", port: wirePort }, undefined, { timeoutMs: 20_000 });
  const secured = await tlsOver(socket, { servername: "localhost", alpn: ["h2"], ca: certificate });
  const connection = openHttp2(secured.socket, watch);
  cleanups.push(() => connection.destroy());
  return { connection, die, heard };
}

const hanging = { method: "GET", scheme: "https", authority: "localhost", target: "/", headers: [] } as const;

test("a request whose server dies without a word is lost soon, and the connection is used no more", async () => {
  const { connection, die, heard } = await start(() => {}, { everyMs: 200, timeoutMs: 1_000 });
  const request = connection.request(hanging);
  await heard;
  expect(await connection.ping(20_000)).toBeGreaterThan(0);
  die();
  await expect(request).rejects.toThrow("no PING came back within 1000 ms");
  expect(connection.usable).toBe(false);
});

test("an ended request is cancelled at the server, and one that was ended before is never sent", async () => {
  const codes: (number | undefined)[] = [];
  let ended: () => void = () => {};
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const { connection, heard } = await start((stream) => {
    stream
      .on("error", () => {})
      .on("close", () => {
        codes.push(stream.rstCode);
        ended();
      });
  });
  const controller = new AbortController();
  const request = connection.request({ ...hanging, signal: controller.signal });
  await heard;
  controller.abort(new Error("nobody wants it"));
  await expect(request).rejects.toThrow("nobody wants it");
  await expect(connection.request({ ...hanging, signal: controller.signal })).rejects.toThrow("nobody wants it");
  await end;
  await connection.ping(20_000);
  expect([codes, connection.inFlight]).toEqual([[8], 0]);
});

/** Longer than an upload needs to count as stuck, in which this process does nothing. */
function sleep(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
}

test.each([
  ["an upload that was not read yet because this process was busy is not stuck", 100, false],
  ["an upload that leaves no room for another is stuck", 65_536, true],
])("%s", async (_title, bodyBytes, expected) => {
  const { connection, die } = await start();
  await connection.ping(20_000);
  // From here on the server gives no more room.
  die();
  connection.request({ ...hanging, method: "POST", body: Buffer.alloc(bodyBytes) }).catch(() => {});
  expect(connection.isStuckFor(1_000)).toBe(false);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  sleep();
  expect(connection.isStuckFor(1_000)).toBe(expected);
});
