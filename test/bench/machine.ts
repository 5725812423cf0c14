import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";

/** Returns how many processes wanted to run in the last minute: to be asked before the run, which is many itself. */
export function otherLoad(): number {
  return loadavg()[0] ?? Number.NaN;
}

/** Returns a sentence that says on what was measured, beside what else, and which versions took part. */
export function describeMachine(run: { binDir: string; nodes: readonly string[]; loadBefore: number }): string {
  const { binDir, nodes, loadBefore } = run;
  const tailscaled = execFileSync(join(binDir, "tailscaled"), ["--version"], { encoding: "utf8" }).split("\n")[0];
  const others = nodes.map((node) => execFileSync(node, ["--version"], { encoding: "utf8" }).trim());
  return (
    `${describeHost(loadBefore)} (starts: ${others.join(", ")}), tailscaled ${tailscaled}. ` +
    "Agent, server and both tailscaled share this one machine, so every figure holds the work of all of them."
  );
}

/** Returns on what was measured, and beside what else. */
export function describeHost(loadBefore: number): string {
  const [cpu] = cpus();
  const memoryGb = (totalmem() / 1e9).toFixed(0);
  return (
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpu?.model.trim() ?? "unknown"}), ${memoryGb} GB, ` +
    `${type()} ${release().split("-")[0]}, load average ${loadBefore.toFixed(1)} before the run; Node.js ${process.version}`
  );
}
