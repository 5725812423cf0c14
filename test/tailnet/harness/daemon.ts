import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { localStatus } from "./local-api.ts";
import { until } from "./until.ts";

export interface DaemonOptions {
  readonly binDir: string;
  readonly caFile: string;
  /** Home, logs and socket of the daemon. */
  readonly dir: string;
  readonly stateDir: string;
  readonly proxyPort: number;
  /** WireGuard's port; 0 picks one. */
  readonly udpPort: number;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The words that start a program in a network of its own, where it has a TUN and no proxy. */
  readonly within: readonly string[] | undefined;
}

export interface Daemon {
  readonly pid: number;
  readonly socket: string;
  /** The end of its log. */
  log(): string;
  /** WireGuard's port, once it is known. */
  udpPort(): number | undefined;
  isRunning(): boolean;
  /** SIGTERM, then SIGKILL after 30 s: an ephemeral node takes up to 5 s to log out, on a quiet machine. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** Starts a stock tailscaled, without a TUN unless `within`, and returns when its socket and its proxy answer. It dies with this process. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { binDir, caFile, dir, stateDir, proxyPort, udpPort, args, env, within = [] } = options;
  const socket = join(dir, "s");
  const logFile = join(dir, "log");
  const proxy = `127.0.0.1:${proxyPort}`;
  const log = openSync(logFile, "a", 0o600);
  const hasTun = within.length > 0;
  const network = ["--tun=userspace-networking", `--socks5-server=${proxy}`, `--outbound-http-proxy-listen=${proxy}`];
  const [file, ...words] = [...within, join(binDir, "tailscaled")];
  const child = spawn(
    file,
    [
      ...words,
      `--statedir=${stateDir}`,
      `--socket=${socket}`,
      ...(hasTun ? [] : network),
      `--port=${udpPort}`,
      "--no-logs-no-support",
      ...args,
    ],
    {
      env: {
        PATH: process.env.PATH,
        HOME: dir,
        TS_LOGS_DIR: dir,
        SSL_CERT_FILE: caFile,
        TS_DISABLE_PORTMAPPER: "1",
        TS_PARENT_DEATH_FD: "3",
        ...env,
      },
      stdio: ["ignore", log, log, "pipe"],
    },
  );
  closeSync(log);
  const tail = (): string => readFileSync(logFile, "utf8").split("\n").slice(-30).join("\n");
  child.once("error", () => {}); // a failed start shows as a missing process id
  if (child.pid === undefined) throw new Error(`${binDir}/tailscaled does not start`);
  const daemon: Daemon = {
    pid: child.pid,
    socket,
    log: tail,
    udpPort: () => portIn(readFileSync(logFile, "utf8")),
    isRunning: () => child.exitCode === null && child.signalCode === null,
    stop: () => end(child, "SIGTERM"),
    kill: () => end(child, "SIGKILL"),
  };
  await until({ what: "tailscaled's socket", log: tail, alive: () => assertRunning(daemon) }, () =>
    localStatus(socket),
  );
  if (hasTun) return daemon;
  await until({ what: "tailscaled's proxy", log: tail, alive: () => assertRunning(daemon) }, () => accepts(proxyPort));
  return daemon;
}

function portIn(log: string): number | undefined {
  const last = [...log.matchAll(/magicsock: endpoints changed: \S+:(\d+) /g)].at(-1);
  return last === undefined ? undefined : Number(last[1]);
}

export function assertRunning(daemon: Daemon): void {
  if (!daemon.isRunning()) throw new Error(`tailscaled ended:\n${daemon.log()}`);
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, "exit");
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
    await exited;
    clearTimeout(late);
  }
  for (const stream of child.stdio) stream?.destroy();
}

function accepts(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(undefined));
  });
}
