import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { main } from "../../../src/cli/main.ts";
import {
  answerRoutine,
  type Reply,
  type ScriptedServer,
  type Seen,
  startScriptedServer,
} from "../../fakes/mcp-server.ts";
import { temporaryBase } from "../../fakes/temporary-directory.ts";
import { fakeTerminal } from "./fake-terminal.ts";

const tools = [
  {
    name: "echo",
    description: "Says it again\nand more",
    inputSchema: {
      type: "object",
      properties: { message: { type: "string" }, times: { type: "integer" } },
      required: ["message"],
    },
  },
  { name: "evil", description: "\u001b]0;owned\u0007\u202eclear", inputSchema: { type: "object" } },
];
const png = Buffer.from("89504e470d0a1a0a00ff", "hex");

let server: ScriptedServer;
let directory: string;
let answer: (seen: Seen, reply: Reply) => void;

beforeEach(async () => {
  directory = mkdtempSync(join(temporaryBase(), "tsmcp-call-"));
  answer = (_seen, reply) => reply.json({ content: [{ type: "text", text: "hello" }] });
  server = await startScriptedServer((seen, reply) => {
    if (answerRoutine(seen, reply)) return;
    if (seen.body.method === "tools/list") return reply.json({ tools });
    answer(seen, reply);
  });
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

async function tsmcp(
  argv: readonly string[],
  { isTerminal = false, env = {}, signal = new AbortController().signal } = {},
) {
  const terminal = { ...fakeTerminal({ HOME: directory, ...env }), cwd: directory, signal };
  const exitCode = await main([...argv, "--server", server.url], {
    ...terminal,
    outIsTerminal: isTerminal,
    errorIsTerminal: isTerminal,
  });
  return { exitCode, out: terminal.out(), error: terminal.error() };
}

const calls = (): readonly unknown[] =>
  server.seen.filter(({ body }) => body.method === "tools/call").map(({ body }) => body.params);

describe("tsmcp tools", () => {
  it("prints a table to a terminal, without the escapes of the server, and ends its session", async () => {
    expect(await tsmcp(["tools"], { isTerminal: true })).toEqual({
      exitCode: 0,
      error: "",
      out: "echo message [times]  Says it again\nevil                  ]0;ownedclear\n",
    });
    expect(server.seen.at(-1)?.httpMethod).toBe("DELETE");
  });

  it("prints the whole definitions as JSON to a pipe", async () => {
    const { exitCode, out } = await tsmcp(["tools"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toEqual({
      server: { name: "scripted", version: "1" },
      protocolVersion: "2025-11-25",
      tools,
    });
    expect(out).not.toContain("\u202e");
  });
});

describe("tsmcp call", () => {
  it("prints text to a terminal and the result as JSON to a pipe", async () => {
    const argv = ["call", "echo", '{"message":"x"}'];
    expect(await tsmcp(argv, { isTerminal: true })).toEqual({ exitCode: 0, out: "hello\n", error: "" });
    expect(JSON.parse((await tsmcp(argv)).out)).toEqual({ content: [{ type: "text", text: "hello" }] });
    expect(calls()[0]).toMatchObject({ name: "echo", arguments: { message: "x" } });
  });

  it("reads the arguments from a file", async () => {
    writeFileSync(join(directory, "a.json"), '\ufeff{"message":"from a file"}');
    expect((await tsmcp(["call", "echo", "@a.json"])).exitCode).toBe(0);
    expect(calls()[0]).toMatchObject({ arguments: { message: "from a file" } });
  });

  it.each([
    ["no such tool", ["ehco", "{}"], "tool-unknown", 'did you mean "echo"?'],
    ["what the schema forbids", ["echo", '{"message":1}'], "tool-arguments-invalid", "see its schema"],
    ["what is not JSON", ["echo", "{message}"], "usage-invalid", "write the arguments as JSON"],
    ["what is not an object", ["echo", "[1]"], "usage-invalid", "write the arguments as JSON"],
    ["a file that is not there", ["echo", "@missing.json"], "usage-invalid", "write @"],
  ])("exits 2 and calls nothing for %s", async (_what, words, code, hint) => {
    const { exitCode, out } = await tsmcp(["call", ...words, "--json"]);
    expect(exitCode).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ error: { code, hint: expect.stringContaining(hint) } });
    expect(calls()).toEqual([]);
  });

  it("says what the schema allows and is most likely a slip, and calls", async () => {
    const { exitCode, error } = await tsmcp(["call", "echo", '{"message":"x","tmies":2}']);
    expect(exitCode).toBe(0);
    expect(error).toContain('did you mean "times"?');
  });

  it("exits 1 with the text when the tool answers an error", async () => {
    answer = (_seen, reply) => reply.json({ isError: true, content: [{ type: "text", text: "disk full" }] });
    const { exitCode, out, error } = await tsmcp(["call", "echo", '{"message":"x"}'], { isTerminal: true });
    expect(exitCode).toBe(1);
    expect(out).toBe("disk full\n");
    expect(error).toBe('tsmcp: error: the tool "echo" answered an error\n');
  });

  it("exits 1 with the server's words, and none of its escapes, when the call fails", async () => {
    answer = ({ body }, reply) => {
      const stream = reply.stream();
      stream.event({ id: body.id, error: { code: -32603, message: "no\u001b[2J luck\u202e" } });
      stream.end();
    };
    const { exitCode, error } = await tsmcp(["call", "echo", '{"message":"x"}'], { isTerminal: true });
    expect(exitCode).toBe(1);
    expect(error).toBe("tsmcp: error: tools/call failed: no[2J luck\n");
  });

  it("strips what a tool prints to a terminal", async () => {
    answer = (_seen, reply) => reply.json({ content: [{ type: "text", text: "\u001b[31mred\u009b0m\u2066\rline" }] });
    expect((await tsmcp(["call", "evil"], { isTerminal: true })).out).toBe("[31mred0m\nline\n");
  });

  it("writes images and blobs to --output, and tells their place", async () => {
    const blob = { uri: "file:///b", mimeType: "application/pdf", blob: Buffer.from("pdf").toString("base64") };
    answer = (_seen, reply) =>
      reply.json({
        content: [
          { type: "text", text: "two" },
          { type: "image", mimeType: "image/png", data: png.toString("base64") },
          { type: "resource", resource: blob },
        ],
      });
    const { out, exitCode } = await tsmcp(["call", "evil", "--output", "shot.png"]);
    expect(exitCode).toBe(0);
    expect(readFileSync(join(directory, "shot.png"))).toEqual(png);
    expect(readFileSync(join(directory, "shot-2.png"), "utf8")).toBe("pdf");
    expect(JSON.parse(out)).toEqual({
      content: [
        { type: "text", text: "two" },
        { type: "image", mimeType: "image/png", file: "shot.png" },
        { type: "resource", resource: { uri: "file:///b", mimeType: "application/pdf", file: "shot-2.png" } },
      ],
    });
    const shown = await tsmcp(["call", "evil"], { isTerminal: true });
    expect(shown.out).toBe(
      "two\n[image/png, 10 bytes: not shown; save it with --output FILE]\n" +
        "[application/pdf, 3 bytes: not shown; save it with --output FILE]\n",
    );
  });

  it.each([
    [["--output", "-"], true, 2],
    [["--output", "missing/shot.png"], false, 1],
    [["--output", "."], false, 1],
  ])("calls nothing when the result could not go to %j", async (argv, isTerminal, exitCode) => {
    expect((await tsmcp(["call", "evil", ...argv], { isTerminal })).exitCode).toBe(exitCode);
    expect(server.seen).toEqual([]);
  });

  it("shows progress on stderr, and sends the token it comes by", async () => {
    answer = ({ body }, reply) => {
      const stream = reply.stream();
      const progress = { progressToken: 1, progress: 2, total: 5, message: "half\u001b[1m way" };
      stream.event({ method: "notifications/progress", params: progress });
      stream.event({ id: body.id, result: { content: [] } });
      stream.end();
    };
    expect((await tsmcp(["call", "evil"])).error).toBe("tsmcp: evil: 2/5 half[1m way\n");
    expect((await tsmcp(["call", "evil", "--quiet"])).error).toBe("");
    expect((await tsmcp(["call", "evil"], { isTerminal: true })).error).toBe(
      "\r\u001b[Kevil: 2/5 half[1m way\r\u001b[K",
    );
    expect(calls()[0]).toMatchObject({ _meta: { progressToken: 1 } });
  });

  it("gives up at --timeout, cancels the call and ends the session", async () => {
    answer = () => {};
    const { exitCode, error } = await tsmcp(["call", "evil", "--timeout", "300ms"]);
    expect(exitCode).toBe(1);
    expect(error).toContain('the call of "evil" did not end within 300ms');
    await server.saw(({ body }) => body.method === "notifications/cancelled");
    await server.saw(({ httpMethod }) => httpMethod === "DELETE");
  });

  it("ends as the signal says when it is interrupted", async () => {
    const interrupt = new AbortController();
    answer = () => interrupt.abort("SIGINT");
    const { exitCode, error } = await tsmcp(["call", "evil"], { signal: interrupt.signal });
    expect(exitCode).toBe(130);
    expect(error).toBe("tsmcp: error: broken off\n");
    await server.saw(({ httpMethod }) => httpMethod === "DELETE");
  });

  it("tells how to send a token when the server wants one, and sends it", async () => {
    await server[Symbol.asyncDispose]();
    server = await startScriptedServer((seen, reply) => {
      if (seen.headers.authorization !== "Bearer sesame") return reply.status(401);
      if (!answerRoutine(seen, reply)) reply.json({ tools });
    });
    expect((await tsmcp(["tools"])).error).toContain("--header 'Authorization: Bearer ${env:NAME}'");
    const withToken = ["tools", "--header", "Authorization: Bearer ${env:TOKEN}"];
    expect((await tsmcp(withToken, { env: { TOKEN: "sesame" } })).exitCode).toBe(0);
  });

  it("takes the only server of the configuration, and asks which when there are several", async () => {
    const run = async (servers: Record<string, unknown>) => {
      const file = join(directory, "config.json");
      writeFileSync(file, JSON.stringify({ servers }));
      const terminal = { ...fakeTerminal({ HOME: directory }), cwd: directory };
      return { exitCode: await main(["tools", "--config", file], terminal), error: terminal.error() };
    };
    const one = { tailnetUrl: server.url };
    expect(await run({ one })).toEqual({ exitCode: 0, error: "" });
    expect(await run({ one, two: one })).toMatchObject({ exitCode: 2, error: expect.stringContaining('"one", "two"') });
    expect(await run({})).toMatchObject({ exitCode: 2, error: expect.stringContaining("no server is configured") });
  });
});
