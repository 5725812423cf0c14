import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { assertRunning, startDaemon } from "./daemon.ts";
import type { Knobs } from "./knobs.ts";
import { localStatus, type NodeStatus } from "./local-api.ts";
import { type RunResult, run } from "./run.ts";
import { until } from "./until.ts";

export interface BareNodeOptions {
  readonly hostname: string;
  /** More variables and arguments for the daemon. */
  readonly env?: NodeJS.ProcessEnv;
  readonly args?: readonly string[];
  /** The words that start a program in a network of its own, where the daemon has a TUN and no proxy. */
  readonly within?: readonly string[];
}

/** A stock tailscaled with its own state, socket and proxy, logged in or not. */
export interface BareNode {
  readonly hostname: string;
  /** SOCKS5 and HTTP CONNECT on one port; nobody listens there where the daemon has a TUN. */
  readonly proxy: string;
  readonly socket: string;
  readonly stateDir: string;
  readonly pid: number;
  tailscale(args: readonly string[], options?: { timeoutMs?: number }): Promise<RunResult>;
  status(): Promise<NodeStatus>;
  /** Waits until the daemon's own status fits, and returns it. */
  until(what: string, fits: (status: NodeStatus) => boolean): Promise<NodeStatus>;
  log(): string;
  isRunning(): boolean;
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** Starts the daemon again on its state; after `stop` or `kill`. */
  restart(): Promise<void>;
}

export interface NodeNeeds {
  readonly api: Knobs;
  readonly controlUrl: string;
  readonly binDir: string;
  readonly caFile: string;
  /** A folder of its own. */
  readonly dir: string;
}

/** Starts a daemon that has not logged in, and returns when its socket and its proxy answer. */
export async function startBareNode(needs: NodeNeeds, options: BareNodeOptions): Promise<BareNode> {
  const { api, binDir, caFile, dir } = needs;
  const { hostname, args = [], env = {}, within } = options;
  const stateDir = join(dir, "state");
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const proxyPort = await api.reservePort();
  const start = { binDir, caFile, dir, stateDir, proxyPort, udpPort: 0, args, env, within };
  let daemon = await startDaemon(start);
  const status = async (): Promise<NodeStatus> => {
    const answer = await localStatus(daemon.socket);
    if (answer === undefined) throw new Error(`the daemon of ${hostname} does not answer:\n${daemon.log()}`);
    return answer;
  };
  return {
    hostname,
    proxy: `127.0.0.1:${proxyPort}`,
    stateDir,
    socket: daemon.socket,
    get pid() {
      return daemon.pid;
    },
    tailscale: (args, options) =>
      run(join(binDir, "tailscale"), [`--socket=${daemon.socket}`, ...args], {
        env: { PATH: process.env.PATH, HOME: dir },
        ...options,
      }),
    status,
    until(what, fits) {
      let now: NodeStatus | undefined;
      const log = (): string => `status: ${JSON.stringify(now)}\n${daemon.log()}`;
      return until({ what: `${hostname}: ${what}`, log, alive: () => assertRunning(daemon) }, async () => {
        now = await status();
        return fits(now) ? now : undefined;
      });
    },
    log: () => daemon.log(),
    isRunning: () => daemon.isRunning(),
    stop: () => daemon.stop(),
    kill: () => daemon.kill(),
    async restart() {
      // As a service does. Peers trust the old address for 6.5 s and send to nowhere else in that time (1.102.5).
      daemon = await startDaemon({ ...start, udpPort: daemon.udpPort() ?? 0 });
    },
  };
}
