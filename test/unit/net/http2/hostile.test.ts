import { connect } from "node:net";
import { Duplex } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import type { HttpRequest } from "../../../../src/net/http-message.ts";
import { flags, frame, frameTypes, numberFrame } from "../../../../src/net/http2/frame.ts";
import { type Http2Connection, openHttp2 } from "../../../../src/net/http2.ts";
import { block, data, type FrameConnection, head, settings, startFrameServer } from "../../../peers/frame-server.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A connection to a server whose every word is told here. */
async function start(): Promise<{ client: Http2Connection; server: FrameConnection }> {
  let accept: (connection: FrameConnection) => void = () => {};
  const accepted = new Promise<FrameConnection>((resolve) => {
    accept = resolve;
  });
  const listening = await startFrameServer((connection) => accept(connection));
  cleanups.push(() => listening[Symbol.asyncDispose]());
  const client = openHttp2(connect(listening.port, "127.0.0.1"));
  cleanups.push(() => client.destroy());
  return { client, server: await accepted };
}

const get: HttpRequest = { method: "GET", scheme: "http", authority: "a.test", target: "/", headers: [] };
const post = (bytes: number): HttpRequest => ({ ...get, method: "POST", body: Buffer.alloc(bytes, 0x61) });
const ok = [[":status", "200"]] as const;

async function bodyOf(answer: Awaited<ReturnType<Http2Connection["request"]>>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer.body) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

const raw = (type: number, streamId: number, payload: Buffer = Buffer.alloc(0), set = 0): Buffer =>
  frame({ type, flags: set, streamId }, payload);
const literal = (size: number): Buffer => block([["x-filler", "x".repeat(size)]]);

describe("what a server must not do ends the connection, with a GOAWAY that says why", () => {
  test.each<[title: string, frames: readonly Buffer[], code: number, reason: string]>([
    [
      "a first frame that is no SETTINGS",
      [raw(frameTypes.ping, 0, Buffer.alloc(8))],
      1,
      "a frame of type 6 on stream 0",
    ],
    ["DATA before SETTINGS", [data(1, "x")], 1, "a frame of type 0 on stream 1"],
    ["SETTINGS that are cut off", [raw(frameTypes.settings, 0, Buffer.alloc(5))], 6, "SETTINGS that are cut off"],
    ["SETTINGS of a stream", [raw(frameTypes.settings, 1)], 1, "a frame of type 4 on stream 1"],
    [
      "an acknowledgement that says something",
      [settings(), raw(frameTypes.settings, 0, Buffer.alloc(6), 1)],
      6,
      "a frame of type 4 with 6 bytes",
    ],
    ["SETTINGS with pushed answers", [settings({ 2: 1 })], 1, "the server's SETTINGS are those of a client"],
    [
      "SETTINGS with an endless window",
      [settings({ 4: 0x80000000 })],
      3,
      "the server's SETTINGS grant more than there can be",
    ],
    ["SETTINGS with tiny frames", [settings({ 5: 100 })], 1, "ask for frames of 100 bytes"],
    ["SETTINGS with huge frames", [settings({ 5: 0x1000000 })], 1, "ask for frames of 16777216 bytes"],
    [
      "a PING of seven bytes",
      [settings(), raw(frameTypes.ping, 0, Buffer.alloc(7))],
      6,
      "a frame of type 6 with 7 bytes",
    ],
    ["a PING of a stream", [settings(), raw(frameTypes.ping, 1, Buffer.alloc(8))], 1, "a frame of type 6 on stream 1"],
    [
      "a GOAWAY of four bytes",
      [settings(), raw(frameTypes.goAway, 0, Buffer.alloc(4))],
      6,
      "a frame of type 7 with 4 bytes",
    ],
    [
      "a reset of five bytes",
      [settings(), raw(frameTypes.rstStream, 1, Buffer.alloc(5))],
      6,
      "a frame of type 3 with 5 bytes",
    ],
    [
      "a reset of what never was",
      [settings(), numberFrame(frameTypes.rstStream, 3, 0)],
      1,
      "a frame of type 3 on stream 3",
    ],
    [
      "a pushed answer",
      [settings(), raw(frameTypes.pushPromise, 1, Buffer.alloc(4), flags.endHeaders)],
      1,
      "a frame of type 5 on stream 1",
    ],
    ["an answer on the connection", [settings(), head(0, ok)], 1, "a frame of type 1 on stream 0"],
    ["an answer to what never was", [settings(), head(3, ok)], 1, "a frame of type 1 on stream 3"],
    ["an answer on a stream of the server's own", [settings(), head(2, ok)], 1, "a frame of type 1 on stream 2"],
    ["DATA of what never was", [settings(), data(3, "x")], 1, "a frame of type 0 on stream 3"],
    ["a grant of nothing", [settings(), numberFrame(frameTypes.windowUpdate, 0, 0)], 1, "the server granted nothing"],
    [
      "a grant to what never was",
      [settings(), numberFrame(frameTypes.windowUpdate, 5, 9)],
      1,
      "a frame of type 8 on stream 5",
    ],
    [
      "more than there can be granted",
      [settings(), numberFrame(frameTypes.windowUpdate, 0, 0x7fffffff)],
      3,
      "the server granted more than there can be",
    ],
    ["CONTINUATION of nothing", [settings(), raw(frameTypes.continuation, 1)], 1, "CONTINUATION of nothing"],
    [
      "CONTINUATION of another stream",
      [settings(), raw(frameTypes.headers, 1, block(ok)), raw(frameTypes.continuation, 3)],
      1,
      "CONTINUATION of nothing",
    ],
    [
      "a PING in the middle of a header",
      [settings(), raw(frameTypes.headers, 1, block(ok)), raw(frameTypes.ping, 0, Buffer.alloc(8))],
      1,
      "another frame in the middle of a header",
    ],
    [
      "DATA in the middle of a header",
      [settings(), raw(frameTypes.headers, 1, block(ok)), data(1, "")],
      1,
      "another frame in the middle of a header",
    ],
    [
      "a header that is none",
      [settings(), raw(frameTypes.headers, 1, Buffer.from([0xff]), flags.endHeaders)],
      9,
      "a number that is cut off in a header",
    ],
    [
      "a header with more padding than bytes",
      [settings(), raw(frameTypes.headers, 1, Buffer.from([9]), flags.endHeaders | flags.padded)],
      1,
      "more padding than it has bytes",
    ],
    [
      "an endless header",
      [
        settings(),
        raw(frameTypes.headers, 1, literal(16_000)),
        ...Array.from({ length: 4 }, () => raw(frameTypes.continuation, 1, literal(16_000))),
      ],
      11,
      "a header of more than 65536 bytes",
    ],
    [
      "a header in endless empty frames",
      [settings(), raw(frameTypes.headers, 1), ...Array.from({ length: 64 }, () => raw(frameTypes.continuation, 1))],
      11,
      "a header of more than 65536 bytes",
    ],
  ])("%s", async (_title, frames, code, reason) => {
    const { client, server } = await start();
    const request = client.request(get);
    const lost = expect(request).rejects.toThrow(reason);
    await server.next(frameTypes.headers);
    server.send(...frames);
    const { payload } = await server.next(frameTypes.goAway);
    expect(payload.readUInt32BE(4)).toBe(code);
    expect(payload.toString("latin1", 8)).toContain(reason);
    await lost;
    await server.closed;
    expect([client.usable, client.inFlight]).toEqual([false, 0]);
    await expect(client.request(get)).rejects.toMatchObject({ name: "RequestUnprocessed" });
  });
});

describe("what a server must not do to one request ends that one alone, with a reset that says why", () => {
  test.each<[title: string, frames: readonly Buffer[], code: number, reason: string]>([
    ["DATA before the head", [data(1, "x")], 1, "its answer has no head"],
    ["a head without a status", [head(1, [["a", "b"]])], 1, "its answer begins with no status"],
    ["a status that is none", [head(1, [[":status", "20"]])], 1, "its answer begins with no status"],
    ["a status behind another field", [head(1, [["a", "b"], ...ok])], 1, "its answer begins with no status"],
    ["two statuses", [head(1, [...ok, ...ok])], 1, 'its answer has a header ":status"'],
    ["a name in upper case", [head(1, [...ok, ["Name", "x"]])], 1, 'its answer has a header "Name"'],
    [
      "a header of the connection",
      [head(1, [...ok, ["connection", "close"]])],
      1,
      'its answer has a header "connection"',
    ],
    ["a value with a line break", [head(1, [...ok, ["a", "b\nc"]])], 1, "its answer has a header a with a character"],
    ["a length that is none", [head(1, [...ok, ["content-length", "1e3"]])], 1, 'its answer has the length "1e3"'],
    [
      "two lengths",
      [head(1, [...ok, ["content-length", "1"], ["content-length", "2"]])],
      1,
      'its answer has the length "2"',
    ],
    ["an interim answer that is the end", [head(1, [[":status", "103"]], true)], 1, "its answer ends before it begins"],
    [
      "a head that unpacks to more than 64 KiB",
      [
        raw(
          frameTypes.headers,
          1,
          Buffer.concat([
            block(ok),
            Buffer.from([0x40, 1, 0x61, 0x7f, 0xd9, 0x0f]),
            Buffer.alloc(2_136, 0x62),
            Buffer.alloc(8_000, 0xbe),
          ]),
          flags.endHeaders,
        ),
      ],
      8,
      "its header has more than 65536 bytes",
    ],
  ])("%s", async (_title, frames, code, reason) => {
    const { client, server } = await start();
    const request = client.request(get);
    const lost = expect(request).rejects.toThrow(`the server broke a rule of HTTP/2: ${reason}`);
    const other = client.request(get);
    await server.next(frameTypes.headers);
    server.send(settings(), ...frames, head(3, ok), data(3, "fine", true));
    const reset = await server.next(frameTypes.rstStream);
    expect([reset.streamId, reset.payload.readUInt32BE(0)]).toEqual([1, code]);
    await lost;
    expect(await bodyOf(await other)).toBe("fine");
    expect([client.usable, client.inFlight]).toEqual([true, 0]);
  });

  test.each<[title: string, frames: readonly Buffer[], code: number, reason: string]>([
    ["two heads", [head(1, ok)], 1, "its answer has two heads"],
    ["trailers with a status", [head(1, ok, true)], 1, 'its answer has a header ":status"'],
    [
      "an answer that is longer than it says",
      [data(1, "12345678901")],
      1,
      "its answer has another length than it says",
    ],
    ["an answer that is shorter than it says", [data(1, "123", true)], 1, "its answer has another length than it says"],
  ])("%s", async (_title, frames, code, reason) => {
    const { client, server } = await start();
    const asked = client.request(get);
    await server.next(frameTypes.headers);
    server.send(settings(), head(1, [...ok, ["content-length", "10"]]));
    const answer = await asked;
    const broken = expect(bodyOf(answer)).rejects.toThrow(`the server broke a rule of HTTP/2: ${reason}`);
    server.send(...frames);
    const reset = await server.next(frameTypes.rstStream);
    expect([reset.streamId, reset.payload.readUInt32BE(0)]).toEqual([1, code]);
    await broken;
    expect([client.usable, client.inFlight]).toEqual([true, 0]);
  });
});

test("a server that sends more than was granted to an answer that nobody reads loses that stream", async () => {
  const { client, server } = await start();
  const asked = client.request(get);
  await server.next(frameTypes.headers);
  server.send(settings(), head(1, ok));
  const answer = await asked;
  const portion = data(1, Buffer.alloc(16_384));
  server.send(...Array.from({ length: 513 }, () => portion));
  const reset = await server.next(frameTypes.rstStream);
  expect([reset.streamId, reset.payload.readUInt32BE(0)]).toEqual([1, 3]);
  await expect(bodyOf(answer)).rejects.toThrow("it sent more than it may");
  expect(client.usable).toBe(true);
});

test("a server that asks without end and reads no answer is left", async () => {
  const wire = new Duplex({ read: () => {}, write: () => {} });
  const client = openHttp2(wire);
  cleanups.push(() => client.destroy());
  const request = client.request(get);
  wire.push(settings());
  wire.push(Buffer.concat(Array.from({ length: 10_000 }, () => raw(frameTypes.ping, 0, Buffer.alloc(8)))));
  await expect(request).rejects.toThrow("the server asks and does not read the answers (HTTP/2 code 11)");
  expect(client.usable).toBe(false);
});

test("frames of an unknown type, priorities, and whatever comes for what is over, are passed by", async () => {
  const { client, server } = await start();
  const asked = client.request(get);
  await server.next(frameTypes.headers);
  const unknown = raw(0x77, 0, Buffer.from("x"));
  server.send(settings({ 99: 1 }), unknown, raw(frameTypes.priority, 1, Buffer.alloc(5)));
  server.send(
    head(1, [[":status", "103"]]),
    head(1, ok),
    data(1, ""),
    data(1, "text"),
    head(1, [["x-trailer", "1"]], true),
  );
  expect(await bodyOf(await asked)).toBe("text");
  server.send(
    data(1, "late"),
    numberFrame(frameTypes.windowUpdate, 1, 5),
    numberFrame(frameTypes.rstStream, 1, 8),
    head(1, ok),
  );
  expect(await Promise.all([client.ping(60_000), answerPing(server)])).toHaveLength(2);
  expect([client.usable, client.inFlight]).toEqual([true, 0]);
});

async function answerPing(server: FrameConnection): Promise<void> {
  const { payload } = await server.next(frameTypes.ping);
  server.send(raw(frameTypes.ping, 0, payload, flags.ack));
}

test("SETTINGS and PING are answered", async () => {
  const { server } = await start();
  server.send(settings(), raw(frameTypes.ping, 0, Buffer.from("12345678")));
  await server.next(frameTypes.settings);
  const acknowledged = await server.next(frameTypes.settings);
  const pong = await server.next(frameTypes.ping);
  expect([acknowledged.flags, pong.flags, pong.payload.toString()]).toEqual([flags.ack, flags.ack, "12345678"]);
});

test("a small request goes out as one HEADERS and one DATA, a large one as its windows allow", async () => {
  const { client, server } = await start();
  client.request(post(5)).catch(() => {});
  const small = await server.next(frameTypes.data);
  expect([small.streamId, small.payload.length, small.flags]).toEqual([1, 5, flags.endStream]);
  server.send(settings({ 4: 10 }));
  await server.next(frameTypes.settings);
  await server.next(frameTypes.settings);
  client.request(post(25)).catch(() => {});
  const portions: unknown[] = [];
  for (const granted of [10, 5, 0]) {
    const { payload, flags: set } = await server.next(frameTypes.data);
    portions.push([payload.length, set]);
    if (granted > 0) server.send(numberFrame(frameTypes.windowUpdate, 3, granted));
  }
  expect(portions).toEqual([
    [10, 0],
    [10, 0],
    [5, flags.endStream],
  ]);
});

test("a window that shrinks below nothing is paid back before more is sent", async () => {
  const { client, server } = await start();
  server.send(settings({ 4: 10 }));
  await server.next(frameTypes.settings);
  await server.next(frameTypes.settings);
  client.request(post(30)).catch(() => {});
  await server.next(frameTypes.data);
  server.send(
    settings({ 4: 4 }),
    numberFrame(frameTypes.windowUpdate, 1, 6),
    numberFrame(frameTypes.windowUpdate, 1, 3),
  );
  expect((await server.next(frameTypes.data)).payload.length).toBe(3);
});

test("requests beyond what the server takes wait, and those that nobody wants any more are never sent", async () => {
  const { client, server } = await start();
  server.send(settings({ 3: 1 }));
  await server.next(frameTypes.settings);
  await server.next(frameTypes.settings);
  const first = client.request({ ...get, target: "/1" });
  const stop = new AbortController();
  const second = client.request({ ...get, target: "/2", signal: stop.signal });
  const third = client.request({ ...get, target: "/3" });
  expect([client.inFlight, client.maxInFlight]).toEqual([3, 1]);
  stop.abort(new Error("nobody wants it"));
  await expect(second).rejects.toThrow("nobody wants it");
  expect((await server.next(frameTypes.headers)).payload.includes("/1")).toBe(true);
  server.send(head(1, ok, true));
  await first;
  expect((await server.next(frameTypes.headers)).payload.includes("/3")).toBe(true);
  server.send(head(3, ok, true));
  expect((await third).status).toBe(200);
  expect(client.inFlight).toBe(0);
});

test("GOAWAY turns away what the server did not look at, lets the rest come to its end, and ends the connection", async () => {
  const { client, server } = await start();
  const seen = client.request(get);
  const unseen = client.request(get);
  await server.next(frameTypes.headers);
  const goAway = Buffer.alloc(8);
  goAway.writeUInt32BE(1, 0);
  server.send(settings(), raw(frameTypes.goAway, 0, goAway));
  await expect(unseen).rejects.toMatchObject({ name: "RequestUnprocessed" });
  expect(client.usable).toBe(false);
  await expect(client.request(get)).rejects.toMatchObject({ name: "RequestUnprocessed" });
  server.send(head(1, ok), data(1, "text", true));
  expect(await bodyOf(await seen)).toBe("text");
  await server.closed;
});

test("a refused stream may go again, another reset may have run", async () => {
  const { client, server } = await start();
  const [refused, cancelled] = [client.request(get), client.request(get)];
  await server.next(frameTypes.headers);
  server.send(settings(), numberFrame(frameTypes.rstStream, 1, 7), numberFrame(frameTypes.rstStream, 3, 8));
  await expect(refused).rejects.toMatchObject({ name: "RequestUnprocessed" });
  await expect(cancelled).rejects.toMatchObject({
    name: "Error",
    message: "the server closed the stream (HTTP/2 code 8)",
  });
  expect(client.usable).toBe(true);
});

test("an answer that comes before the question is whole ends the question", async () => {
  const { client, server } = await start();
  const asked = client.request(post(100_000));
  await server.next(frameTypes.headers);
  server.send(settings(), head(1, ok), data(1, "enough", true));
  expect(await bodyOf(await asked)).toBe("enough");
  const reset = await server.next(frameTypes.rstStream);
  expect([reset.streamId, reset.payload.readUInt32BE(0), client.isStuckFor(100_000)]).toEqual([1, 8, false]);
});

test("an answer that nobody reads to its end is cancelled, and the connection goes on", async () => {
  const { client, server } = await start();
  const asked = client.request(get);
  await server.next(frameTypes.headers);
  server.send(settings(), head(1, ok), data(1, "more to come"));
  (await asked).body.destroy();
  const reset = await server.next(frameTypes.rstStream);
  expect([reset.streamId, reset.payload.readUInt32BE(0), client.inFlight]).toEqual([1, 8, 0]);
});

test("a header in many frames is one header", async () => {
  const { client, server } = await start();
  const asked = client.request({ ...get, headers: [["x-large", "y".repeat(40_000)]] });
  const first = await server.next(frameTypes.headers);
  const parts = [first.payload, (await server.next(frameTypes.continuation)).payload];
  const last = await server.next(frameTypes.continuation);
  expect([first.flags, last.flags, Buffer.concat([...parts, last.payload]).length]).toEqual([
    flags.endStream,
    flags.endHeaders,
    40_000 + Buffer.byteLength("x-large") + "a.test".length + 11,
  ]);
  const whole = block([...ok, ["x-large", "z".repeat(300)]]);
  server.send(
    settings(),
    raw(frameTypes.headers, 1, whole.subarray(0, 5)),
    raw(frameTypes.continuation, 1, whole.subarray(5, 99)),
    raw(frameTypes.continuation, 1, whole.subarray(99), flags.endHeaders),
    data(1, "", true),
  );
  expect((await asked).headers).toEqual([["x-large", "z".repeat(300)]]);
});
