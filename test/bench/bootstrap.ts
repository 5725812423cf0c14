import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { firstAnswer } from "./first-answer.ts";
import { type Scene, time, tsmcp } from "./scene.ts";
import { inTurn, type Summary, summarize } from "./statistics.ts";

const peerScript = fileURLToPath(new URL("peer-bootstrap.sh", import.meta.url));

/** What a join takes. Processor time is fair on a busy machine, where the clock is not; tailscaled's own is in neither. */
export interface BootstrapTimes {
  readonly clock: Readonly<Record<string, Summary>>;
  readonly processor: Readonly<Record<string, Summary>>;
}

/** Linux counts processor time in these. Source: proc_pid_stat(5), `getconf CLK_TCK`. */
const tickMs = 10;

/** From nothing to the first answer, tsmcp and the shell script in turn; and `up` where all is there already. */
export async function benchBootstrap(scene: Scene, rounds: number): Promise<BootstrapTimes> {
  const { tailnet, url, ca, key } = scene;
  const again: number[] = [];
  const spent: Record<string, number[]> = { "tsmcp up": [], "shell script": [], "tsmcp up, again": [] };
  const spend = async (
    name: string,
    argv: readonly [string, ...string[]],
    env: Record<string, string>,
    cwd?: string,
  ) => {
    const before = processorMs();
    const ms = await time(argv, env, cwd);
    spent[name]?.push(processorMs() - before);
    return ms;
  };

  const ours = async (): Promise<number> => {
    const { env } = scene.newHome();
    const proxyPort = await tailnet.api.reservePort();
    const argv = [
      ...[tsmcp, "up", "--no-verify", "--server", `notes=${url.href}`, "--agent", "cursor", "--hostname", "ours"],
      ...["--proxy", `127.0.0.1:${proxyPort}`, "--login-server", tailnet.controlUrl, "--no-logs-no-support"],
    ] as [string, ...string[]];
    const withKey = { ...env, TS_AUTHKEY: key };
    const start = performance.now();
    await spend("tsmcp up", argv, withKey, env.HOME);
    await firstAnswer({ url, proxyPort, ca });
    const ms = performance.now() - start;
    again.push(await spend("tsmcp up, again", argv, withKey, env.HOME));
    await time([tsmcp, "down"], env, env.HOME);
    return ms;
  };

  const script = async (): Promise<number> => {
    const { env, home } = scene.newHome();
    const proxyPort = await tailnet.api.reservePort();
    const directory = join(home, "peer");
    mkdirSync(directory);
    writeFileSync(join(directory, "key"), key, { mode: 0o600 });
    const start = performance.now();
    await spend("shell script", [peerScript, directory, `127.0.0.1:${proxyPort}`, tailnet.controlUrl], env);
    await firstAnswer({ url, proxyPort, ca });
    const ms = performance.now() - start;
    await time([join(tailnet.binDir, "tailscale"), `--socket=${directory}/sock`, "logout"], env);
    process.kill(Number(readFileSync(join(directory, "pid"), "utf8")));
    return ms;
  };

  const summaries = await inTurn(rounds, { "tsmcp up": ours, "shell script": script });
  return {
    clock: { ...summaries, "tsmcp up, again": summarize(again.slice(1)) },
    processor: Object.fromEntries(Object.entries(spent).map(([name, list]) => [name, summarize(list.slice(1))])),
  };
}

/** Returns the processor time of all children that have ended and were waited for, with theirs. Fields 16 and 17. */
function processorMs(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * tickMs;
}
