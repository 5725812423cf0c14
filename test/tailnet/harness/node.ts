import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertRunning, type Daemon, type DaemonOptions, startDaemon } from "./daemon.ts";
import type { Knobs } from "./knobs.ts";
import { localStatus, type NodeStatus } from "./local-api.ts";
import { type RunResult, run } from "./run.ts";
import { until } from "./until.ts";

export interface NodeOptions {
  readonly hostname: string;
  readonly tags?: readonly string[];
  /** The owner (alice@example.com), unless there are tags. */
  readonly user?: string;
  readonly ephemeral?: boolean;
  /** A key to use instead of a new one of its own. */
  readonly key?: string;
  /** More variables and arguments for the daemon. */
  readonly env?: NodeJS.ProcessEnv;
  readonly args?: readonly string[];
  /** More arguments for `tailscale up`. */
  readonly upArgs?: readonly string[];
  /** Whether the node may use Funnel (what the tailnet's default says). */
  readonly funnel?: boolean;
}

export interface ServeOptions {
  readonly port: number;
  readonly target: string;
  readonly path?: string;
  readonly acceptAppCaps?: readonly string[];
}

export interface TailnetNode {
  readonly hostname: string;
  /** Without a final dot. */
  readonly dnsName: string;
  readonly ip: string;
  /** SOCKS5 and HTTP CONNECT on one port. */
  readonly proxy: string;
  readonly socket: string;
  readonly stateDir: string;
  readonly pid: number;
  tailscale(args: readonly string[], options?: { timeoutMs?: number }): Promise<RunResult>;
  status(): Promise<NodeStatus>;
  /** Waits until the daemon's own status fits. */
  until(what: string, fits: (status: NodeStatus) => boolean): Promise<NodeStatus>;
  serve(options: ServeOptions): Promise<void>;
  funnel(options: Omit<ServeOptions, "acceptAppCaps">): Promise<void>;
  log(): string;
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** Starts the daemon again on its state, without a key; after `stop` or `kill`. */
  restart(): Promise<void>;
}

export interface NodeNeeds {
  readonly api: Knobs;
  readonly controlUrl: string;
  readonly binDir: string;
  readonly caFile: string;
  readonly dir: string;
}

/** Starts a node, joins it, gives it its certificate, and returns when it is Running. */
export async function startTailnetNode(needs: NodeNeeds, options: NodeOptions): Promise<TailnetNode> {
  const { api, binDir, caFile, dir } = needs;
  const stateDir = join(dir, "state");
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const proxyPort = await api.reservePort();
  const start: DaemonOptions = {
    binDir,
    caFile,
    dir,
    stateDir,
    proxyPort,
    args: options.args ?? [],
    env: options.env ?? {},
  };
  let daemon = await startDaemon(start);
  try {
    await joinTailnet(needs, daemon, options);
    const self = await running(daemon);
    await api.seedCertificate({ name: self.dnsName, dir: stateDir });
    if (options.funnel !== undefined) await allowFunnel(needs, self.dnsName, options.funnel);
  } catch (error) {
    await daemon.kill();
    throw error;
  }
  const self = await running(daemon);
  const tailscale: TailnetNode["tailscale"] = (args, { timeoutMs } = {}) =>
    cli(needs, daemon, args, timeoutMs === undefined ? {} : { timeoutMs });
  const status = async (): Promise<NodeStatus> => {
    const answer = await localStatus(daemon.socket);
    if (answer === undefined) throw new Error(`the daemon of ${options.hostname} does not answer:\n${daemon.log()}`);
    return answer;
  };
  // "serve" and "funnel" fail with "etag mismatch" when two run at once.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
  return {
    hostname: options.hostname,
    ...self,
    proxy: `127.0.0.1:${proxyPort}`,
    stateDir,
    get socket() {
      return daemon.socket;
    },
    get pid() {
      return daemon.pid;
    },
    tailscale,
    status,
    until: (what, fits) =>
      until(
        { what: `${options.hostname}: ${what}`, log: () => daemon.log(), alive: () => assertRunning(daemon) },
        async () => {
          const now = await status();
          return fits(now) ? now : undefined;
        },
      ),
    serve: (serve) => inTurn(() => expose("serve", tailscale, serve)),
    funnel: (funnel) =>
      inTurn(async () => {
        await expose("funnel", tailscale, funnel);
        await until({ what: `${self.dnsName} to be public` }, async () => {
          const nodes = await api.nodes();
          return nodes.find((node) => node.dnsName === self.dnsName && node.funnel);
        });
      }),
    log: () => daemon.log(),
    stop: () => daemon.stop(),
    kill: () => daemon.kill(),
    async restart() {
      daemon = await startDaemon(start);
      await running(daemon);
    },
  };
}

async function joinTailnet(needs: NodeNeeds, daemon: Daemon, options: NodeOptions): Promise<void> {
  const { hostname, tags = [], user, ephemeral = false, upArgs = [] } = options;
  const key = options.key ?? (await needs.api.createKey({ tags, ephemeral, ...(user === undefined ? {} : { user }) }));
  const keyFile = join(needs.dir, "key");
  writeFileSync(keyFile, key, { mode: 0o600 });
  try {
    const joined = await cli(needs, daemon, [
      "up",
      `--login-server=${needs.controlUrl}`,
      `--auth-key=file:${keyFile}`,
      `--hostname=${hostname}`,
      "--timeout=15s",
      ...upArgs,
    ]);
    if (joined.exitCode !== 0) throw new Error(`${hostname} did not join: ${joined.stderr}\n${daemon.log()}`);
  } finally {
    rmSync(keyFile, { force: true });
  }
}

function cli(needs: NodeNeeds, daemon: Daemon, args: readonly string[], options: { timeoutMs?: number } = {}) {
  const env = { PATH: process.env.PATH, HOME: needs.dir };
  return run(join(needs.binDir, "tailscale"), [`--socket=${daemon.socket}`, ...args], { env, ...options });
}

async function running(daemon: Daemon): Promise<{ dnsName: string; ip: string }> {
  const wait = { what: "the node to be Running", log: () => daemon.log(), alive: () => assertRunning(daemon) };
  return until(wait, async () => {
    const status = await localStatus(daemon.socket);
    const ip = status?.Self?.TailscaleIPs?.[0];
    if (status?.BackendState !== "Running" || status.Self === undefined || ip === undefined) return undefined;
    return { dnsName: status.Self.DNSName.replace(/\.$/, ""), ip };
  });
}

async function allowFunnel(needs: NodeNeeds, node: string, funnel: boolean): Promise<void> {
  await needs.api.setCapabilities(node, { https: true, funnel, funnelPorts: funnel ? "443,8443,10000" : "" });
}

async function expose(
  verb: "serve" | "funnel",
  tailscale: TailnetNode["tailscale"],
  { port, target, path, acceptAppCaps = [] }: ServeOptions,
): Promise<void> {
  const args = [verb, "--bg", "--yes", `--https=${port}`];
  if (path !== undefined) args.push(`--set-path=${path}`);
  if (acceptAppCaps.length > 0) args.push(`--accept-app-caps=${acceptAppCaps.join(",")}`);
  const done = await tailscale([...args, target]);
  if (done.exitCode !== 0) throw new Error(`tailscale ${args.join(" ")} ${target}: ${done.stdout}${done.stderr}`);
}
