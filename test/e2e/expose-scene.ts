import { join } from "node:path";
import { type GateServer, startGate } from "../peers/gates/mcp-server.ts";
import type { NodeOptions, TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { until } from "../tailnet/harness/until.ts";
import { binDir, type Outcome, type Running, startProgram } from "./tsmcp.ts";

/** A tailnet, a server that anybody may use who gets to it, and machines to expose it on. */
export interface ExposeScene extends AsyncDisposable {
  readonly tailnet: Tailnet;
  /** A machine of the tailnet that is not the server's. */
  readonly agent: TailnetNode;
  readonly upstream: GateServer;
  machine(options?: Partial<NodeOptions>): Promise<ExposeMachine>;
  /** Takes away what the machines so far expose in the background. */
  withdraw(): Promise<void>;
}

export interface ExposeMachine {
  readonly node: TailnetNode;
  readonly home: string;
  /** Of the upstream. */
  readonly url: string;
  readonly env: Readonly<Record<string, string>>;
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Outcome>;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Exposing;
  /** What the node serves, as stock tailscale prints it. */
  serves(): Promise<unknown>;
}

/** `tsmcp expose` while it runs. */
export interface Exposing extends Running {
  readonly said: () => string;
  /** Resolves as soon as stdout or stderr has the text; throws when it ends before. */
  says(text: string): Promise<void>;
  end(signal?: NodeJS.Signals): Promise<Outcome>;
}

export async function startExposeScene(): Promise<ExposeScene> {
  const tailnet = await startTailnet();
  const [agent, upstream] = await Promise.all([
    tailnet.startNode({ hostname: "agent", tags: ["tag:agent"] }),
    startGate({ gate: () => true }),
  ]);
  const url = `http://127.0.0.1:${upstream.port}/mcp`;
  const machines: ExposeMachine[] = [];
  return {
    tailnet,
    agent,
    upstream,
    async machine(options = {}) {
      const node = await tailnet.startNode({ hostname: "server", tags: ["tag:server"], funnel: true, ...options });
      const { within = [] } = options;
      const home = tailnet.tempDir();
      const env = {
        ...tailnet.env(),
        HOME: home,
        // With a TUN there is no proxy, and none is needed.
        ...(within.length > 0 ? {} : { TSMCP_PROXY: `http://${node.proxy}` }),
        TSMCP_SOCKET: node.socket,
        TSMCP_CONNECT_TO: tailnet.connectTo(node.dnsName).join(","),
      };
      const place = { env, workspace: home };
      const [file, ...words] = [...within, process.execPath, join(binDir, "tsmcp"), "expose"];
      const start = (args: readonly string[], extra: Readonly<Record<string, string>> = {}): Running =>
        startProgram(file, [...words, ...args], place, extra);
      const machine: ExposeMachine = {
        node,
        home,
        url,
        env,
        run: (args, extra) => start(args, extra).outcome,
        start: (args, extra) => exposing(start(args, extra)),
        async serves() {
          const { stdout } = await node.tailscale(["serve", "status", "--json"]);
          return JSON.parse(stdout);
        },
      };
      machines.push(machine);
      return machine;
    },
    async withdraw() {
      for (const machine of machines.splice(0)) await machine.run(["--off"]);
    },
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]();
      await tailnet.close();
    },
  };
}

/** Returns an `expose` that was started, with what it says. */
export function exposing(running: Running): Exposing {
  let said = "";
  for (const stream of [running.child.stdout, running.child.stderr]) {
    stream?.on("data", (text: string) => {
      said += text;
    });
  }
  const alive = (): void => {
    if (running.child.exitCode !== null || running.child.signalCode !== null) throw new Error(`it ended: ${said}`);
  };
  return {
    ...running,
    said: () => said,
    async says(text) {
      await until({ what: `"${text}"`, log: () => said, alive }, async () => {
        return said.includes(text) || undefined;
      });
    },
    end(signal = "SIGINT") {
      running.child.kill(signal);
      return running.outcome;
    },
  };
}

/** What `expose` prints last when it stands. */
export const stands = "mcpServers";
