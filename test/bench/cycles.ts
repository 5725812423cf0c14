import { readdirSync } from "node:fs";
import { filesBelow, processesNaming } from "../e2e/tsmcp.ts";
import { type Scene, time, tsmcp } from "./scene.ts";
import { type Summary, summarize } from "./statistics.ts";

/** What `up` and `down`, again and again, leave behind. */
export interface Cycles {
  readonly cycles: number;
  readonly up: Summary;
  readonly down: Summary;
  readonly processes: number;
  readonly files: readonly string[];
  readonly directories: readonly string[];
  readonly nodes: number;
}

/** `cycles` times up and down in one home, with an agent's file and exports, as a machine that lives long does it. */
export async function benchCycles(scene: Scene, cycles = 100): Promise<Cycles> {
  const { tailnet, url, key } = scene;
  const { env, home } = scene.newHome();
  const argv = [
    ...[tsmcp, "up", "--no-verify", "--server", `notes=${url.href}`, "--agent", "cursor", "--hostname", "cycler"],
    ...["--proxy", "127.0.0.1:0", "--login-server", tailnet.controlUrl, "--no-logs-no-support", "--export", "profile"],
  ] as [string, ...string[]];
  const times: { up: number[]; down: number[] } = { up: [], down: [] };
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    times.up.push(await time(argv, { ...env, TS_AUTHKEY: key }, home));
    times.down.push(await time([tsmcp, "down"], env, home));
  }
  const nodes = (await tailnet.api.nodes()).filter(({ name }) => name.startsWith("cycler"));
  return {
    cycles,
    up: summarize(times.up),
    down: summarize(times.down),
    processes: processesNaming(home).length,
    files: filesBelow(home),
    directories: readdirSync(home),
    nodes: nodes.length,
  };
}
