import { expect, onTestFinished } from "vitest";
import { type Machine, type Outcome, processesNaming, type Running, startTsmcp, tsmcp, type UpJson } from "./tsmcp.ts";

/** How long what the supervisor does by itself may take on a loaded machine. */
export const patience = { timeout: 90_000 };

/** An `up --foreground` whose node is up. */
export interface Service {
  readonly machine: Machine;
  readonly running: Running;
  readonly report: UpJson;
  /** What it said on stderr until now. */
  readonly said: () => string;
  /** Sends the signal and returns how it ended. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<Outcome>;
}

export function foreground(
  machine: Machine,
  args: readonly string[] = [],
  extra: Readonly<Record<string, string>> = {},
): Promise<Service> {
  return serving(machine, startTsmcp(["up", "--foreground", "--json", ...args], machine, extra));
}

/** Returns once the node is up, which the report on stdout tells. */
export async function serving(machine: Machine, running: Running): Promise<Service> {
  onTestFinished(() => void running.child.kill("SIGKILL"));
  let said = "";
  running.child.stderr?.on("data", (text: string) => {
    said += text;
  });
  let stdout = "";
  for await (const text of running.child.stdout ?? []) {
    stdout += text;
    if (stdout.endsWith("\n}\n")) break;
  }
  if (stdout === "") throw new Error(`it did not come up: ${said}`);
  const report: UpJson = JSON.parse(stdout);
  return {
    machine,
    running,
    report,
    said: () => said,
    stop: (signal = "SIGTERM") => {
      running.child.kill(signal);
      return running.outcome;
    },
  };
}

export function daemonOf({ home }: Machine): number | undefined {
  return processesNaming(home).find(({ argv }) => argv.some((argument) => argument.startsWith("--statedir=")))?.pid;
}

/** Waits until it has said so often that the node is up again. */
export async function isUpAgain({ said }: Service, times: number): Promise<void> {
  await expect.poll(() => said().split("is up again; its proxy is").length - 1, patience).toBe(times);
}

/** Returns what `tsmcp status` tells in another shell. */
export async function statusOf(machine: Machine): Promise<{
  readonly up: boolean;
  readonly online: boolean;
  readonly proxy: string;
  readonly node: UpJson["node"];
}> {
  return JSON.parse((await tsmcp(["status", "--json"], machine)).stdout);
}
