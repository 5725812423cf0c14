import { type ClientHttp2Session, connect, createServer, type ServerHttp2Stream } from "node:http2";
import { connect as connectTcp } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Header } from "../../../../src/net/http-message.ts";
import { type Http2Connection, openHttp2 } from "../../../../src/net/http2.ts";
import { fc } from "../../../fakes/drawn.ts";
import { listen } from "../../../fakes/listening.ts";

/** What the server is asked to do, and what it saw. */
interface Plan {
  readonly method: "POST" | "GET";
  readonly target: string;
  readonly headers: readonly Header[];
  readonly isFrozen: boolean;
  readonly bodyBytes: number;
  readonly status: number;
  /** The pieces of the answer, by length. */
  readonly pieces: readonly number[];
  readonly hasTrailers: boolean;
  readonly waits: boolean;
}

interface Seen {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

const session = Object.freeze([["mcp-session-id", "0123456789abcdef"] as const]);
/** The small windows and tables are those of careful servers. */
const servers = [
  {},
  { initialWindowSize: 1_000, maxConcurrentStreams: 3, headerTableSize: 0 },
  { initialWindowSize: 70_000, maxFrameSize: 100_000, headerTableSize: 200 },
];

let cleanups: (() => unknown)[] = [];
const ports: number[] = [];

beforeAll(async () => {
  for (const settings of servers) {
    const server = createServer({ settings });
    server.on("session", (one) => one.on("error", () => {}));
    server.on("stream", answer);
    ports.push(await listen(server));
    cleanups.push(() => server.close());
  }
});
afterAll(() => {
  for (const cleanup of cleanups) cleanup();
  cleanups = [];
});

/** Tells in its answer what it saw of the question. */
function answer(stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>): void {
  const { status, pieces, hasTrailers, waits } = JSON.parse(String(headers["x-plan"]));
  let bytes = 0;
  let sum = 0;
  stream.on("error", () => {});
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    for (const byte of chunk) sum = (sum * 31 + byte) % 1_000_003;
  });
  const respond = async (): Promise<void> => {
    const fields = Object.entries(headers).filter(([key]) => key !== "x-plan");
    const saw = { ...Object.fromEntries(fields.sort(([one], [other]) => (one < other ? -1 : 1))), bytes, sum };
    stream.respond(
      { ":status": status, "x-saw": JSON.stringify(saw), "x-two": ["1", "2"] },
      { waitForTrailers: hasTrailers },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-trailer": "end" }));
    for (const [at, length] of pieces.entries()) {
      stream.write(Buffer.alloc(length, 0x61 + (at % 26)));
      if (waits) await new Promise(setImmediate);
    }
    stream.end();
  };
  stream.on("end", () => void respond());
}

const value = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 80,
});
const name = fc.constantFrom("accept", "authorization", "x-one", "x-two", "mcp-method");
const plan: fc.Arbitrary<Plan> = fc.record({
  method: fc.constantFrom("POST", "GET"),
  target: fc.constantFrom("/mcp", "/", "/mcp?a=b"),
  headers: fc.uniqueArray(fc.tuple(name, value), { maxLength: 4, selector: ([key]) => key }),
  isFrozen: fc.boolean(),
  bodyBytes: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 900, max: 30_000 })),
  status: fc.constantFrom(200, 202, 400, 404),
  pieces: fc.array(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 10_000, max: 60_000 })), {
    maxLength: 4,
  }),
  hasTrailers: fc.boolean(),
  waits: fc.boolean(),
});

const bodyOf = ({ method, bodyBytes }: Plan): Buffer | undefined =>
  method === "GET" ? undefined : Buffer.from(Array.from({ length: bodyBytes }, (_, at) => (at * 7) % 256));
const headersOf = (one: Plan): readonly Header[] => {
  const told: Header = ["x-plan", JSON.stringify({ ...one, headers: undefined })];
  return one.isFrozen ? Object.freeze([...session, told]) : [...one.headers, told];
};

async function ask(connection: Http2Connection, one: Plan, port: number): Promise<Seen> {
  const answered = await connection.request({
    method: one.method,
    scheme: "http",
    authority: `localhost:${port}`,
    target: one.target,
    headers: headersOf(one),
    body: bodyOf(one),
  });
  const chunks: Buffer[] = [];
  for await (const chunk of answered.body) chunks.push(Buffer.from(chunk));
  return { status: answered.status, headers: answered.headers, body: Buffer.concat(chunks).toString() };
}

/** The same by Node's own client. */
function askByNode(client: ClientHttp2Session, one: Plan): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const body = bodyOf(one);
    const stream = client.request(
      {
        ":method": one.method,
        ":path": one.target,
        ...Object.fromEntries(headersOf(one)),
        ...(body === undefined ? {} : { "content-length": String(body.length) }),
      },
      { endStream: body === undefined },
    );
    const chunks: Buffer[] = [];
    let status = 0;
    const headers: [string, string][] = [];
    stream.on("response", (head) => {
      status = Number(head[":status"]);
      for (const [key, given] of Object.entries(head)) {
        if (key.startsWith(":") || given === undefined) continue;
        // Node joins what comes more than once.
        for (const one of String(given).split(key === "x-two" ? ", " : "\n")) headers.push([key, one]);
      }
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => resolve({ status, headers, body: Buffer.concat(chunks).toString() }));
    stream.on("error", reject);
    if (body !== undefined) stream.end(body);
  });
}

/** Two answers may stand on either side of a second. */
const withoutDate = ({ headers, ...rest }: Seen): Seen => ({
  ...rest,
  headers: headers.filter(([key]) => key !== "date"),
});

/** Hundreds of requests with small windows, on a machine that has other things to do. */
const timeout = 60_000;

test("any requests at once, at servers of any windows, bring what they bring Node's own client", {
  timeout,
}, async () => {
  for (const port of ports) {
    const connection = openHttp2(connectTcp(port, "127.0.0.1"));
    const client = connect(`http://localhost:${port}`);
    cleanups.push(
      () => connection.destroy(),
      () => client.destroy(),
    );
    await connection.ping(60_000);
    await fc.assert(
      fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 12 }), async (plans) => {
        const ours = await Promise.all(plans.map((one) => ask(connection, one, port)));
        const theirs = await Promise.all(plans.map((one) => askByNode(client, one)));
        expect(ours.map(withoutDate)).toEqual(theirs.map(withoutDate));
        expect(connection.inFlight).toBe(0);
      }),
      { numRuns: 8 },
    );
  }
});

test("a large answer and a large question pass whole, and many small ones beside them", { timeout }, async () => {
  const port = ports[2] ?? 0;
  const connection = openHttp2(connectTcp(port, "127.0.0.1"));
  cleanups.push(() => connection.destroy());
  // What the server takes at once is told by then.
  await connection.ping(60_000);
  const usual: Plan = {
    method: "POST",
    target: "/",
    headers: [],
    isFrozen: false,
    bodyBytes: 10,
    status: 200,
    pieces: [3],
    hasTrailers: false,
    waits: false,
  };
  const large = ask(connection, { ...usual, bodyBytes: 2_000_000, pieces: [10_000_000, 10_000_000] }, port);
  const small = await Promise.all(Array.from({ length: 200 }, () => ask(connection, usual, port)));
  expect(new Set(small.map(({ body }) => body))).toEqual(new Set(["aaa"]));
  const { body, headers } = await large;
  expect([body.length, JSON.parse(headers.find(([key]) => key === "x-saw")?.[1] ?? "").bytes]).toEqual([
    20_000_000, 2_000_000,
  ]);
});
