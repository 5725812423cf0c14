import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import type { HttpRequest } from "../../../src/net/http-message.ts";
import type { Http2Connection } from "../../../src/net/http2.ts";
import { createHttp2Pool } from "../../../src/net/http2-pool.ts";

/** A connection that counts, with a stream for every request that nobody ends. */
function connection(maxInFlight = 250) {
  const state = { usable: true, inFlight: 0, maxInFlight, isStuck: false, isDestroyed: false };
  return Object.assign(state, {
    async request() {
      state.inFlight += 1;
      return { status: 200, headers: [], body: new PassThrough(), protocol: "h2" as const };
    },
    isStuckFor: () => state.isStuck,
    ping: async () => 1,
    destroy: () => {
      state.isDestroyed = true;
    },
  });
}

const request = (bodyBytes = 10, isBrief = false): HttpRequest => ({
  method: "POST",
  scheme: "https",
  authority: "a",
  target: "/",
  headers: [],
  body: Buffer.alloc(bodyBytes),
  isBrief,
});

function pool(first: Http2Connection, ...others: Http2Connection[]) {
  let opened = 0;
  const made = createHttp2Pool(first, async () => {
    const next = others[opened];
    opened += 1;
    if (next === undefined) throw new Error("no way");
    return next;
  });
  return { made, opened: () => opened };
}

test("requests stay on one connection as long as it has streams", async () => {
  const first = connection();
  const { made, opened } = pool(first);
  for (let count = 0; count < 242; count++) await made.request(request());
  expect([first.inFlight, opened()]).toEqual([242, 0]);
});

test("requests beyond the server's streams go over a second connection, and brief ones over the streams kept for them", async () => {
  const [first, second] = [connection(20), connection(20)];
  const { made, opened } = pool(first, second);
  await Promise.all(Array.from({ length: 24 }, () => made.request(request())));
  expect([first.inFlight, second.inFlight, opened()]).toEqual([12, 12, 1]);
  await made.request(request(10, true));
  expect(first.inFlight).toBe(13);
});

test("a large body goes over another connection than the small ones", async () => {
  const [first, second] = [connection(), connection()];
  const { made } = pool(first, second);
  await made.request(request());
  await made.request(request(1_000_000));
  await made.request(request());
  expect([first.inFlight, second.inFlight]).toEqual([2, 1]);
});

test("a connection whose upload is stuck is left to it", async () => {
  const [first, second] = [connection(), connection()];
  const { made } = pool(first, second);
  await made.request(request());
  first.isStuck = true;
  await made.request(request());
  expect([first.inFlight, second.inFlight]).toEqual([1, 1]);
  first.isStuck = false;
  await made.request(request());
  expect(first.inFlight).toBe(2);
});

test("the connection that there is has to do where no other can be opened", async () => {
  const first = connection(9);
  const { made } = pool(first);
  await made.request(request());
  await made.request(request());
  expect(first.inFlight).toBe(2);
});

test("four connections are the most, and the least busy takes the rest", async () => {
  const all = [connection(9), connection(9), connection(9), connection(9)];
  const [first, ...others] = all;
  if (first === undefined) throw new Error("unreachable");
  const { made, opened } = pool(first, ...others);
  for (let count = 0; count < 8; count++) await made.request(request());
  expect(opened()).toBe(3);
  expect(all.map(({ inFlight }) => inFlight)).toEqual([2, 2, 2, 2]);
});

test("a connection that takes no more requests is used no more, and the pool with it when it was the last", async () => {
  const [first, second] = [connection(9), connection(9)];
  const { made } = pool(first, second);
  await made.request(request());
  await made.request(request());
  first.usable = false;
  expect(made.usable).toBe(true);
  second.usable = false;
  expect(made.usable).toBe(false);
  made.destroy();
  expect([first.isDestroyed, second.isDestroyed]).toEqual([true, true]);
});
