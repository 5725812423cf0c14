import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import type { UpstreamConfig } from "../../../../src/config/config.ts";
import { TsmcpError } from "../../../../src/core/errors.ts";
import { silentLog } from "../../../../src/core/log.ts";
import { createUpstream, type UpstreamWorld } from "../../../../src/gateway/upstream/create.ts";
import type { Enclosure } from "../../../../src/gateway/upstream/enclosure.ts";
import type { UpstreamCaller } from "../../../../src/gateway/upstream/upstream.ts";
import type { Message } from "../../../../src/mcp/message.ts";
import { answerRoutine, type Reply, startScriptedServer } from "../../../fakes/mcp-server.ts";
import { canRunAsOther, otherUser } from "../../../fakes/other-user.ts";
import { startFakeProxy } from "../../../fakes/proxy.ts";
import { temporaryDirectory } from "../../../fakes/temporary-directory.ts";
import { callerNamed, callOf, openSession, request, textOf, toolCall } from "../../../fakes/upstream-caller.ts";

const saying = (text: string) => ({ content: [{ type: "text", text }] });
const url = "http://127.0.0.1:1/mcp";
const peer = fileURLToPath(new URL("../../../peers/stdio-server.mjs", import.meta.url));

function made(config: UpstreamConfig, env: UpstreamWorld["env"] = {}) {
  const upstream = createUpstream("notes", config, { log: silentLog, env, cwd: "/", proxy: undefined });
  onTestFinished(() => upstream.close());
  return upstream;
}

describe("createUpstream", () => {
  it("gives a program PATH, HOME and what is configured, and of the gateway's environment nothing else", async () => {
    const env = { PATH: process.env.PATH, HOME: "/home/x", TOKEN: "t", SEALING_KEY: "k" };
    const config = { command: "node", args: [peer], env: { KEY: "a ${env:TOKEN}", PLAIN: "b" } };
    const session = await openSession(made(config, env), "ann");
    const seen = JSON.parse(textOf(await session.request(toolCall(1, "env"), callOf("ann"))));
    expect(seen).toEqual({ PATH: process.env.PATH, HOME: "/home/x", KEY: "a t", PLAIN: "b" });
  });

  it("sends the token of the named variable to a server over HTTP", async () => {
    const server = await startScriptedServer((seen, reply) => void (answerRoutine(seen, reply) || reply.json({})));
    onTestFinished(() => server[Symbol.asyncDispose]());
    const proxies = { http_proxy: "http://127.0.0.1:1", ALL_PROXY: "socks5h://127.0.0.1:1" };
    await openSession(made({ url: server.url, tokenEnv: "TOKEN" }, { TOKEN: "abc", ...proxies }), "ann");
    expect(server.seen.map(({ headers }) => headers.authorization)).toContain("Bearer abc");
  });

  it("sends configured headers to a server over HTTP, their secrets by variable and file", async () => {
    const server = await startScriptedServer((seen, reply) => void (answerRoutine(seen, reply) || reply.json({})));
    onTestFinished(() => server[Symbol.asyncDispose]());
    const file = join(temporaryDirectory(), "key");
    writeFileSync(file, "from-file\n", { mode: 0o600 });
    const headers = { Authorization: "Token ${env:TOKEN}", "X-Api-Key": `file:${file}`, "x-team": "notes" };
    await openSession(made({ url: server.url, headers }, { TOKEN: "abc" }), "ann");
    expect(server.seen[0]?.headers).toMatchObject({
      authorization: "Token abc",
      "x-api-key": "from-file",
      "x-team": "notes",
    });
  });

  it.each([
    ["an answer", (token: string, reply: Reply) => reply.json(saying(`your token is ${token}`))],
    ["a stream", (token: string, reply: Reply) => reply.stream().event({ id: 1, result: saying(token) })],
    [
      "an error",
      (token: string, reply: Reply) =>
        reply.status(401, { jsonrpc: "2.0", id: 1, error: { code: -32001, message: `Bearer ${token} is over` } }),
    ],
    [
      "a notification",
      (token: string, reply: Reply) => {
        const stream = reply.stream();
        stream.event({ method: "notifications/message", params: { level: "info", data: `Token ${token}` } });
        stream.event({ id: 1, result: saying("done") });
      },
    ],
  ] as const)("strikes out the token that a server over HTTP repeats in %s", async (_where, say) => {
    const token = "wiki-token/0123456789==";
    const server = await startScriptedServer((seen, reply) => {
      if (!answerRoutine(seen, reply)) say(String(seen.headers.authorization).replace("Bearer ", ""), reply);
    });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const session = await openSession(made({ url: server.url, tokenEnv: "WIKI" }, { WIKI: token }), "ann");
    const heard: Message[] = [];
    const answer = await session.request(
      toolCall(1, "x"),
      callOf("ann", (message) => heard.push(message)),
    );
    const all = JSON.stringify([answer, heard]);
    expect(all).toContain("[secret]");
    expect(all).not.toContain(token);
    expect(server.seen.at(-1)?.headers.authorization).toBe(`Bearer ${token}`);
  });

  it("strikes out the secrets that a program repeats, to its caller and to the log", async () => {
    const said: string[] = [];
    const note = (line: string) => void said.push(line);
    const env = { PATH: process.env.PATH, GIT_TOKEN: "git-token-0123", TEAM: "notes-team" };
    const variables = { A: "Basic ${env:GIT_TOKEN}", API_KEY: "${env:TEAM}", TEAM_NAME: "${env:TEAM} x" };
    const upstream = createUpstream(
      "notes",
      { command: "node", args: [peer], env: variables },
      { log: { info: note, warn: note, debug: note }, env, cwd: "/", proxy: undefined },
    );
    onTestFinished(() => upstream.close());
    const session = await openSession(upstream, "ann");
    const seen = JSON.parse(textOf(await session.request(toolCall(1, "env"), callOf("ann"))));
    expect(seen).toMatchObject({ A: "Basic [secret]", API_KEY: "[secret]", TEAM_NAME: "[secret] x" });
    await session.request(toolCall(2, "complain", { lines: ["no: git-token-0123"] }), callOf("ann"));
    await expect.poll(() => said).toContain("notes: no: [secret]");
  });

  it("never has more children than configured", async () => {
    const upstream = made({ command: "node", args: [peer], isolation: "session", maxChildren: 2 }, process.env);
    const sessions = [await openSession(upstream, "ann"), await openSession(upstream, "bob")];
    const held = sessions.map((session, at) =>
      session.request(toolCall(1, "hold", { key: `k${at}` }), callOf(at === 0 ? "ann" : "bob")),
    );
    await expect(openSession(upstream, "cat")).rejects.toThrow("all of its 2 processes are in use");
    for (const [at, session] of sessions.entries()) {
      await session.request(toolCall(2, "release", { key: `k${at}` }), callOf(at === 0 ? "ann" : "bob"));
    }
    await Promise.all(held);
    await openSession(upstream, "cat");
  });

  it.each([
    ["the namespace that it needs cannot be made", { namespace: true }, { kind: "refused", reason: "root is root" }],
    ["nobody tried whether the namespace can be made", { namespace: true }, undefined],
    ["it was let out of its namespace meanwhile", { namespace: false }, { atStart: {} }],
    ["its command was changed where it was let out", { namespace: false }, { atStart: { namespace: false } }],
  ] as const)("refuses a program when %s", (_what, config, from) => {
    const started = { notes: { command: "sh", ...(from !== undefined && "atStart" in from ? from.atStart : {}) } };
    const works: Enclosure = { kind: "works", enclose: (program) => program, atStart: started };
    const enclosure = from === undefined || "kind" in from ? from : works;
    const world = { log: silentLog, env: {}, cwd: "/", proxy: undefined, enclosure };
    const make = () => createUpstream("notes", { command: "node", ...config }, world);
    expect(make).toThrow(
      expect.objectContaining({ code: "config-invalid", message: expect.stringContaining("namespace") }),
    );
  });

  it.runIf(canRunAsOther(peer))("starts a program as another user, without our groups", async () => {
    const environment = { PATH: process.env.PATH, HOME: "/root" };
    const session = await openSession(
      made({ command: "node", args: [peer], user: `${otherUser.uid}:${otherUser.gid}` }, environment),
      "ann",
    );
    const ids = textOf(await session.request(toolCall(1, "ids"), callOf("ann")));
    expect(JSON.parse(ids)).toEqual({ ...otherUser, groups: [otherUser.gid], home: "/" });
  });

  it("goes to names of the tailnet through its proxy, and to others as the environment says", async () => {
    const server = await startScriptedServer((seen, reply) => void (answerRoutine(seen, reply) || reply.json({})));
    const names = { "wiki.tail1.ts.net": server.port, "wiki.example.com": server.port };
    const [tailnet, other] = [await startFakeProxy({ names }), await startFakeProxy({ names })];
    onTestFinished(async () => {
      for (const one of [server, tailnet, other]) await one[Symbol.asyncDispose]();
    });
    const env = { http_proxy: `http://127.0.0.1:${other.port}` };
    for (const host of Object.keys(names)) {
      const world = { log: silentLog, env, cwd: "/", proxy: `http://127.0.0.1:${tailnet.port}` };
      const upstream = createUpstream("wiki", { url: `http://${host}/mcp` }, world);
      onTestFinished(() => upstream.close());
      await openSession(upstream, "ann");
    }
    expect(tailnet.asked).toEqual(["connect wiki.tail1.ts.net:80"]);
    expect(other.asked).toEqual(["connect wiki.example.com:80"]);
  });

  it.for([
    ["nothing", {}, '"command", "url" and "builtin"'],
    ["two ways", { command: "x", url: "http://127.0.0.1:1/mcp" }, '"command", "url" and "builtin"'],
    [
      "a token in an unset variable",
      { url: "http://127.0.0.1:1/mcp", tokenEnv: "GONE" },
      '"GONE", which "tokenEnv" names',
    ],
    [
      "a token twice",
      { url, tokenEnv: "SET", headers: { Authorization: "${env:SET}" } },
      '"authorization" is set twice',
    ],
    ["a header of ours", { url, headers: { "Mcp-Session-Id": "x" } }, "is set by tsmcp itself"],
    ["an identity", { url, headers: { "Tailscale-User-Login": "x" } }, "is set by tsmcp itself"],
    ["a header's name that is none", { url, headers: { "a b": "x" } }, "is no name of a header"],
    ["a line break", { url, headers: { "x-a": "${env:BREAK}" } }, "holds what no header can"],
    ["a secret in the file", { url, headers: { "X-Api-Key": "abc" } }, "a secret stands in the configuration"],
    ["children of a shared server", { command: "x", maxChildren: 2 }, '"maxChildren" belongs to'],
    ["a user who is not there", { command: "x", user: "nobody-of-that-name" }, "there is no user"],
    ["an unset variable", { command: "x", env: { A: "${env:GONE}" } }, '"GONE", which "env.A" names'],
  ] as const)("refuses an entry with %s", ([, config, words]) => {
    const env = { SET: "s", BREAK: "a\nb" };
    expect(() => made(config, env)).toThrow(TsmcpError);
    expect(() => made(config, env)).toThrow(words);
    expect(() => made(config, env)).toThrow(/^gateway\.upstreams\.notes: /);
  });
});

describe("the built-in whoami", () => {
  const alice: UpstreamCaller = {
    ...callerNamed("alice"),
    name: "Alice",
    picture: "https://p/1.png",
    grants: [{ tools: ["*"] }],
  };
  const agent: UpstreamCaller = { ...callerNamed("agent"), login: undefined, name: undefined, tags: ["tag:agent"] };
  const modern = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };

  it("tells a user and a tagged node who they are, in both eras", async () => {
    const upstream = made({ builtin: "whoami" });
    const session = await openSession(upstream, "alice");
    const user = await session.request(toolCall(1, "greet"), { ...callOf("x"), caller: alice });
    expect(user).toEqual({
      kind: "response",
      id: 1,
      outcome: {
        result: {
          content: [
            {
              type: "text",
              text: [
                "Hello Alice!",
                "login: alice@example.com",
                "picture: https://p/1.png",
                "node: alice.tailnet.ts.net",
                "tags: none",
                'grants: [{"tools":["*"]}]',
              ].join("\n"),
            },
          ],
          structuredContent: {
            ...{ login: "alice@example.com", name: "Alice", picture: "https://p/1.png" },
            ...{ node: "alice.tailnet.ts.net", tags: [], grants: [{ tools: ["*"] }] },
          },
        },
      },
    });
    const call = request(2, "tools/call", { name: "greet", _meta: modern });
    const node = await upstream.request(call, { ...callOf("x"), caller: agent });
    expect(node.outcome).toMatchObject({
      result: {
        resultType: "complete",
        structuredContent: { node: "agent.tailnet.ts.net", tags: ["tag:agent"], grants: [] },
      },
    });
    expect(textOf(node)).not.toContain("login");
  });

  it("lists its tool, and knows no other and no other method", async () => {
    const upstream = made({ builtin: "whoami" });
    const session = upstream.resume((await openSession(upstream, "alice")).handle, alice);
    const ask = async (method: string, params = {}) =>
      session && textOf(await session.request(request(1, method, params), callOf("x")));
    expect(JSON.parse((await ask("tools/list")) ?? "")).toMatchObject({ tools: [{ name: "greet" }] });
    expect(await ask("tools/call", { name: "other" })).toBe("-32602 Unknown tool");
    expect(await ask("resources/list")).toBe("-32601 Method not found");
    expect(await ask("server/discover")).toBe("-32601 Method not found");
    expect(upstream.resume("other", alice)).toBeUndefined();
    const list = await upstream.request(request(1, "tools/list", { _meta: modern }), callOf("x"));
    expect(list.outcome).toMatchObject({ result: { resultType: "complete", cacheScope: "private", ttlMs: 0 } });
  });
});
