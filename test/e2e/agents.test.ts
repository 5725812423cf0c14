import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import { writeRecord } from "../../src/core/record.ts";
import { type AgentCli, agentClis, binOf, node22, whatMisses } from "../peers/agent-clis.ts";
import { type Reply, startStubModel, type Turn } from "../peers/stub-model.ts";
import { type Everything, startEverything } from "../tailnet/harness/everything.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { binDir } from "./tsmcp.ts";

const installed = agentClis.filter((cli) => whatMisses(cli) === undefined);

/** What the agents of cloud VMs have been seen to wait for their tailnet. */
const lateMs = 30_000;

let tailnet: Tailnet;
let server: TailnetNode;
let vm: TailnetNode;
let everything: Everything;

describe("an agent whose tailnet comes up 30 s late", () => {
  beforeAll(async () => {
    if (installed.length === 0) return;
    tailnet = await startTailnet();
    everything = await startEverything(tailnet);
    [server, vm] = await Promise.all([
      tailnet.startNode({ hostname: "tools" }),
      tailnet.startNode({ hostname: "vm", tags: ["tag:agent"] }),
    ]);
    await server.serve({ port: 8443, target: everything.url });
  });

  afterAll(async () => {
    await everything?.close();
    await tailnet?.close();
  });

  it.concurrent.for(agentClis)(
    "$name learns why, and then calls a tool in the same conversation",
    { timeout: 180_000 },
    async (cli, { expect, skip }) => {
      const missing = whatMisses(cli);
      skip(missing !== undefined, missing);
      const home = tailnet.tempDir();
      // The agent's own start is none of the lateness: on a busy machine it takes as long.
      const firstTurn = new EventEmitter();
      const begun = once(firstTurn, "turn");
      let isUp = false;
      const heard = { status: false, ownTool: false, echoed: false };
      await using model = await startStubModel(async (turn) => {
        firstTurn.emit("turn");
        heard.status ||= turn.text.includes("cannot be reached");
        heard.echoed ||= turn.text.includes("Echo: hello");
        if (heard.echoed) return undefined;
        const reply = replyTo(turn, cli, isUp);
        heard.ownTool ||= reply?.name.endsWith("echo") === true;
        // A call that is made five times in a row ends a conversation of Gemini CLI's.
        if (!heard.ownTool) await delay(10_000);
        return reply;
      });
      const entry = {
        command: process.execPath,
        args: [join(binDir, "tsmcp"), "bridge", `https://${server.dnsName}:8443/mcp`],
        env: { HOME: home, NODE_EXTRA_CA_CERTS: tailnet.caFile },
      };
      cli.configure({ home, entry, modelUrl: model.url });
      const said = run(cli, home, model.url);
      await Promise.race([begun, said]);
      await delay(lateMs);
      isUp = true;
      recordProxy(home);
      const output = await said;
      expect(heard, output).toEqual({ status: true, ownTool: cli.readsListAgain, echoed: true });
    },
  );
});

/** Asks for the status while there is no way, then for the tool itself, or by tsmcp_call where the list stays as it was. */
function replyTo({ tools }: Turn, { idleTool, readsListAgain }: AgentCli, isUp: boolean): Reply {
  const find = (ending: string): string | undefined => tools.find((name) => name.endsWith(ending));
  const [echo, call, status] = [
    find("notes__echo") ?? find("notes/echo") ?? find("notes_echo") ?? find("notes-echo"),
    find("tsmcp_call"),
    find("tsmcp_status"),
  ];
  const message = { message: "hello" };
  if (echo !== undefined) return { name: echo, arguments: message };
  if (isUp && !readsListAgain && call !== undefined)
    return { name: call, arguments: { tool: "echo", arguments: message } };
  return status === undefined ? idleTool : { name: status, arguments: {} };
}

/** What `up` does last of all that the bridge can see. */
function recordProxy(home: string): void {
  const [host = "", port = ""] = vm.proxy.split(":");
  const record = { version: 1, socket: vm.socket, stateDir: vm.stateDir, entries: [], exports: [] } as const;
  writeRecord({ env: { HOME: home } }, { ...record, proxy: { host, port: Number(port) } });
}

/** Returns what the agent printed when it has ended. */
function run(cli: AgentCli, home: string, modelUrl: string): Promise<string> {
  const cwd = join(home, "work");
  mkdirSync(cwd);
  const child = spawn(binOf(cli), [...cli.args], {
    cwd,
    env: {
      PATH: `${dirname(node22)}:${process.env.PATH}`,
      HOME: home,
      TAILNET_SWEEP: tailnet.runDir,
      ...cli.env(modelUrl),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += String(chunk);
    });
  }
  const timer = setTimeout(() => child.kill("SIGKILL"), 170_000);
  return new Promise((resolve) =>
    child.once("close", () => {
      clearTimeout(timer);
      resolve(output);
    }),
  );
}
