import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Sandbox } from "../../src/sandbox/options.ts";
import { type Machine, processesNaming, tsmcp } from "../e2e/tsmcp.ts";
import { until } from "../tailnet/harness/until.ts";

/** A machine on which tsmcp runs; what it says is without what differs between any two. */
export interface ParityMachine {
  readonly hostname: string;
  /** `tsmcp up` with a good key or with another, and what its steps say. */
  up(key?: "good" | "waiting" | "wrong"): Promise<unknown>;
  /** The same where nothing comes of it but the end of its time. */
  upInVain(key: "good" | "waiting"): Promise<unknown>;
  tsmcp(...args: readonly string[]): Promise<unknown>;
  /** What the doctor says of this machine's tailscale and proxy. */
  doctor(): Promise<unknown>;
  /** Waits until tailscaled is in that state. */
  until(state: string): Promise<void>;
  proxyPort(): Promise<number>;
  killDaemon(): Promise<void>;
}

type Texts = { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string };

export function machineOf(
  machine: Machine,
  hostname: string,
  world: {
    readonly keyFiles: Readonly<Record<"good" | "waiting" | "wrong", string>>;
    readonly killDaemon: (machine: Machine) => Promise<void>;
    readonly normalised: (text: string) => string;
  },
): ParityMachine {
  const plain = (text: string): string =>
    world
      .normalised(text)
      .replaceAll(machine.home, "<home>")
      .replaceAll(/(?<=file:)\S*\/(?=[a-z-]*key\b)/g, "<keys>/")
      .replaceAll(/\S*\/tailscaled(?=[)\n]|$)/g, "<tailscaled>")
      .replaceAll(/\S+\.sock\b/g, "<socket>")
      // The sandbox has no IPv6 addresses, and those of IPv4 are handed out in another order.
      .replaceAll(/, fd7a:[0-9a-f:]+/g, "")
      .replaceAll(/\b100\.64\.\d+\.\d+\b/g, "<address>")
      // It stands there for some seconds only.
      .replaceAll(/^health +Tailscale is starting\. Please wait\.\n/gm, "")
      .replaceAll(/\d{4}-\d\d-\d\dT\S*Z/g, "<time>")
      .replaceAll(/\bprocess \d+/g, "process N")
      .replaceAll(/\bpid \d+/g, "pid N")
      .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")
      .replaceAll(/\b\d+(\.\d+)? ?(ms|s)\b/g, "N s");
  const said = ({ exitCode, stdout, stderr }: Texts): Texts => ({
    exitCode,
    stdout: plain(stdout),
    stderr: plain(stderr),
  });
  const up = async (key: "good" | "waiting" | "wrong", timeout: string): Promise<Texts> => {
    const args = ["up", "--hostname", hostname, "--timeout", timeout, "--auth-key", `file:${world.keyFiles[key]}`];
    return said(await tsmcp(args, machine));
  };
  const status = async (): Promise<{ BackendState?: string; proxy?: string }> => {
    const { stdout } = await tsmcp(["status", "--json"], machine);
    return JSON.parse(stdout);
  };
  return {
    hostname,
    up: (key = "good") => up(key, "90s"),
    upInVain: (key) => up(key, "8s"),
    tsmcp: async (...args) => said(await tsmcp(args, machine)),
    async doctor() {
      const { exitCode, stdout } = await tsmcp(["doctor", "--only", "tailscale,proxy", "--json"], machine);
      const { checks }: { checks: { id: string; status: string; message: string }[] } = JSON.parse(stdout);
      const found = checks.map(({ id, status, message }) => `${id} ${status}: ${plain(message)}`);
      return { exitCode, found };
    },
    until: async (state) => {
      await until(
        { what: `${hostname} to be ${state}` },
        async () => JSON.stringify(await status()).includes(state) || undefined,
      );
    },
    proxyPort: async () => Number(/127\.0\.0\.1:(\d+)/.exec(JSON.stringify(await status()))?.[1]),
    killDaemon: () => world.killDaemon(machine),
  };
}

/** An empty machine whose tailscale is the sandbox's. */
export function machineIn({ binDir, caFile, directory, controlUrl }: Sandbox, name: string): Machine {
  const home = join(directory, `home-${name}`);
  const workspace = join(home, "work");
  mkdirSync(workspace, { recursive: true });
  const env = {
    PATH: `${binDir}:${process.env.PATH ?? ""}`,
    HOME: home,
    NODE_EXTRA_CA_CERTS: caFile,
    TSMCP_LOGIN_SERVER: controlUrl,
    TSMCP_PROXY: "127.0.0.1:0",
  };
  return { home, workspace, env };
}

/** Kills the tailscaled of a machine, and waits until it is gone. */
export async function killDaemonIn({ home }: Machine): Promise<void> {
  const daemons = processesNaming(home).filter(({ argv }) => argv.some((word) => word.startsWith("--statedir=")));
  for (const { pid } of daemons) process.kill(pid, "SIGKILL");
  await until(
    { what: "no tailscaled" },
    async () => daemons.every(({ pid }) => !existsSync(`/proc/${pid}`)) || undefined,
  );
}
