import fc from "fast-check";
import { expect, it, onTestFinished, test } from "vitest";
import { silentLog } from "../../../src/core/log.ts";
import { createExactNumbers } from "../../../src/gateway/exact-numbers.ts";
import { createUpstream } from "../../../src/gateway/upstream/create.ts";
import { messageJson } from "../../../src/mcp/message.ts";
import { type ScriptedServer, startScriptedServer } from "../../fakes/mcp-server.ts";
import { stdioUpstream } from "../../fakes/stdio-upstream.ts";
import { callOf, openSession, toolCall } from "../../fakes/upstream-caller.ts";
import { agentAddress, openSession as openFrontSession, rpc, startFront } from "./front.ts";

/** What comes of a text that is read and written again in between. */
function through(text: string): string {
  const { hold, release } = createExactNumbers();
  return release(JSON.stringify(JSON.parse(hold(Buffer.from(text)).toString())));
}

test.each([
  '{"n":12345678901234567890}',
  '{"n":-9007199254740993,"m":9007199254740992}',
  "[9223372036854775807,9223372036854775807]",
  `{"n":${"9".repeat(400)}}`,
  '{"12345678901234567890":"12345678901234567890","s":"\\"12345678901234567891"}',
  '{"é":12345678901234567891}',
  '{"a":1234567890123456,"b":0.25}',
])("%s comes out as it went in", (text) => {
  expect(through(text)).toBe(text);
});

test.each(['{"n":0.12345678901234567890}', '{"n":1234567890123456789e3}', '{"s":"x12345678901234567890"}', '{"n":1}'])(
  "%s is left as it is",
  (text) => {
    const bytes = Buffer.from(text);
    expect(createExactNumbers().hold(bytes)).toBe(bytes);
  },
);

test("a text that another process marked stays a text", () => {
  const other = createExactNumbers();
  const { hold, release } = createExactNumbers();
  hold(Buffer.from("[12345678901234567890]"));
  const marked = other.hold(Buffer.from("[12345678901234567890]")).toString();
  expect(release(marked)).toBe(marked);
});

it("brings every JSON with long integers through, and breaks none", () => {
  const { hold, release } = createExactNumbers();
  const value = fc.jsonValue({ maxDepth: 3 });
  fc.assert(
    fc.property(value, fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), fc.nat(40), (json, integer, blanks) => {
      const text = `{"v":${JSON.stringify(json)},${" ".repeat(blanks)}"n":${integer}}`;
      const held = hold(Buffer.from(text)).toString();
      expect(release(JSON.stringify(JSON.parse(held)))).toBe(`{"v":${JSON.stringify(json)},"n":${integer}}`);
    }),
  );
});

const result = '{"content":[],"structuredContent":{"id":12345678901234567890,"s":"12345678901234567890"}}';

async function startServer(): Promise<ScriptedServer> {
  const server = await startScriptedServer((seen, reply) => {
    if (seen.body.method === "initialize")
      return reply.json({ protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "x", version: "1" } });
    if (seen.body.id === undefined) return reply.status(202);
    const stream = reply.stream();
    const params = '{"level":"info","data":{"id":12345678901234567890}}';
    stream.write(`data: {"jsonrpc":"2.0","method":"notifications/message","params":${params}}\n\n`);
    stream.write(`data: {"jsonrpc":"2.0","id":1,"result":${result}}\n\n`);
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

test("a caller of the gateway sees the integers of a server as they are, in an answer and before it", async () => {
  const { url } = await startServer();
  const front = await startFront({ upstreams: [], configured: { notes: { url } } });
  const session = await openFrontSession(front, agentAddress);
  const { text } = await front.send("private", {
    ...{ from: agentAddress, session, body: rpc("tools/call", { name: "x", arguments: {} }) },
  });
  expect(text).toContain('"data":{"id":12345678901234567890}');
  expect(text).toContain('"structuredContent":{"id":12345678901234567890,"s":"12345678901234567890"}');
});

test("a server over HTTP tells its integers as they are, in an answer and before it", async () => {
  const server = await startServer();
  const numbers = createExactNumbers();
  const upstream = createUpstream(
    "wiki",
    { url: server.url },
    { log: silentLog, env: {}, cwd: "/", proxy: undefined, numbers },
  );
  onTestFinished(() => upstream.close());
  const session = await openSession(upstream, "ann");
  const heard: string[] = [];
  const answer = await session.request(
    toolCall(1, "x"),
    callOf("ann", (message) => heard.push(numbers.release(messageJson(message)))),
  );
  expect(numbers.release(messageJson(answer))).toBe(`{"jsonrpc":"2.0","id":1,"result":${result}}`);
  expect(heard.join()).toContain('"id":12345678901234567890');
});

test("a program tells its integers as they are, and has its own ids back", async () => {
  const numbers = createExactNumbers();
  const { upstream } = stdioUpstream({ isolation: "session", numbers });
  const session = await openSession(upstream, "ann");
  const asked: string[] = [];
  const answer = await session.request(
    toolCall(1, "raw", { id: "12345678901234567890" }),
    callOf("ann", (message) => {
      asked.push(numbers.release(messageJson(message)));
      if (message.kind === "request") session.respond({ kind: "response", id: message.id, outcome: { result: {} } });
    }),
  );
  expect(asked.join()).toContain('"n":12345678901234567890');
  expect(numbers.release(messageJson(answer))).toBe(
    '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{\\"jsonrpc\\":\\"2.0\\",\\"id\\":12345678901234567890,\\"result\\":{}}"}]}}',
  );
});
