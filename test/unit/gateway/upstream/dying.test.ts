import { describe, expect, it, onTestFinished } from "vitest";
import { silentLog } from "../../../../src/core/log.ts";
import { createUpstream } from "../../../../src/gateway/upstream/create.ts";
import type { Upstream } from "../../../../src/gateway/upstream/upstream.ts";
import { answerRoutine, type Reply, type Seen, startScriptedServer } from "../../../fakes/mcp-server.ts";
import { callOf, initialize, textOf, toolCall } from "../../../fakes/upstream-caller.ts";

/** Where in its life the server ends for good; it never comes back. */
const moments = ["before initialize", "within initialize", "after initialize", "in mid-call"] as const;
type Moment = (typeof moments)[number];

/** A stdio server that ends at a moment, and each time it is started again before `initialize`. */
function dyingProgram(moment: Moment): Dying {
  const script = `
    const { existsSync, writeFileSync } = require("node:fs");
    const [moment] = process.argv.slice(1);
    const answered = { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "x", version: "1" } };
    if (moment === "before initialize") process.exit(3);
    require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
      const { id, method } = JSON.parse(line);
      if (method === "initialize") {
        if (moment === "within initialize") process.stdout.write('{"jsonrpc":"2.0","id":', () => process.exit(3));
        else process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result: answered }) + "\\n");
      }
      if (method === "notifications/initialized" && moment === "after initialize") process.exit(3);
      if (method === "tools/call") process.exit(3);
    });`;
  return { upstream: made({ command: process.execPath, args: ["-e", script, moment] }) };
}

async function dyingServer(moment: Moment): Promise<Dying> {
  const server = await startScriptedServer((seen: Seen, reply: Reply) => {
    if (seen.body.method === "initialize" && moment === "within initialize") reply.stream().cut();
    else if (seen.body.method === "tools/call") {
      const stream = reply.stream();
      stream.event({ method: "notifications/message", params: { level: "info", data: "begun" } });
      stream.cut();
    } else answerRoutine(seen, reply);
  });
  const die = () => server[Symbol.asyncDispose]();
  if (moment === "before initialize") await die();
  else onTestFinished(die);
  return { upstream: made({ url: server.url }), onOpened: moment === "after initialize" ? die : undefined };
}

interface Dying {
  readonly upstream: Upstream;
  readonly onOpened?: (() => PromiseLike<void>) | undefined;
}

function made(config: Parameters<typeof createUpstream>[1]): Upstream {
  const world = { log: silentLog, env: { PATH: process.env.PATH }, cwd: "/", proxy: undefined };
  const upstream = createUpstream("notes", config, world);
  onTestFinished(() => upstream.close());
  return upstream;
}

/** What the caller is told first that is an error. */
async function told({ upstream, onOpened }: Dying): Promise<string> {
  const opening = await upstream.open(initialize, callOf("ann"));
  if (opening.kind === "refused") return `${opening.error.code} ${opening.error.message}`;
  opening.session.notify({ kind: "notification", method: "notifications/initialized", params: undefined });
  await onOpened?.();
  return textOf(await opening.session.request(toolCall(1, "x"), callOf("ann")));
}

const named = /^-3100[12] tsmcp: the server "notes" \S/;

describe.each(moments)("the error of a server that dies %s names it", (moment) => {
  it("when it is a program", async () => {
    expect(await told(dyingProgram(moment))).toMatch(named);
  });

  it("when it is behind a URL", async () => {
    expect(await told(await dyingServer(moment))).toMatch(named);
  });
});
