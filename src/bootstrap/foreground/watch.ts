import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { systemCodeOf } from "../../core/errors.ts";
import type { DaemonEnd } from "../../process/daemon.ts";
import { readBootstrapStatus } from "../status.ts";
import type { BootstrapWorld } from "../world.ts";
import type { BoundDaemons } from "./bound-daemons.ts";

export interface Watched {
  readonly daemons: BoundDaemons;
  readonly socket: string | undefined;
  readonly aliveFile: string;
}

const lookEveryMs = 3_000;
/** One dial may fail, and a loaded machine is slow; a node that is logged out stays so. */
const missesUntilTrouble = 3;

/**
 * Resolves with what is wrong as soon as the daemon has ended, or the tailnet has not answered several times; with undefined
 * when `world.signal` fires. The alive file is new after each time that the tailnet answered, and gone after each other.
 */
export async function untilTrouble(watched: Watched, world: BootstrapWorld): Promise<string | undefined> {
  const over = new AbortController();
  const signal = AbortSignal.any([world.signal, over.signal]);
  const ended = watched.daemons.ended().then(endText);
  try {
    return await Promise.race([ended, untilSilent(watched, { ...world, signal })]);
  } finally {
    over.abort();
    forgetAlive(watched.aliveFile);
  }
}

async function untilSilent(watched: Watched, world: BootstrapWorld): Promise<string | undefined> {
  let misses = 0;
  while (!world.signal.aborted) {
    misses = (await answers(watched, world)) ? 0 : misses + 1;
    if (misses >= missesUntilTrouble) return "the tailnet does not answer through the proxy";
    await delay(lookEveryMs, undefined, { signal: world.signal }).catch(() => {});
  }
  return undefined;
}

async function answers({ socket, aliveFile }: Watched, world: BootstrapWorld): Promise<boolean> {
  try {
    const { up } = await readBootstrapStatus({ socket }, world);
    if (world.signal.aborted) return up;
    if (up) touch(aliveFile);
    else forgetAlive(aliveFile);
    return up;
  } catch (error) {
    if (!world.signal.aborted) throw error;
    return false;
  }
}

/** Written anew, because its time is what tells; a full disk takes nothing from a file that is empty. */
function touch(path: string): void {
  try {
    rmSync(path, { force: true });
    writeFileSync(path, "", { flag: "wx", mode: 0o600 });
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
  }
}

function forgetAlive(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
  }
}

function endText(end: DaemonEnd): string {
  return end.kind === "exited"
    ? `tailscaled ended with exit code ${end.exitCode}`
    : `tailscaled was ended by ${end.signal}`;
}
