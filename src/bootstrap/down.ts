import { existsSync, rmdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { removeAgentEntries } from "../agents/agent-files.ts";
import { messageOf, systemCodeOf } from "../core/errors.ts";
import { type BootRecord, readRecord, removeRecord } from "../core/record.ts";
import { runtimeDirectories } from "../core/runtime-directory.ts";
import { logOut } from "../tailscale/local-api.ts";
import { identitiesOf, stopAll } from "./apply/daemon.ts";
import { removeExports } from "./exports/install.ts";
import { gatherFacts, type UpFacts } from "./facts.ts";
import { layoutOf } from "./layout.ts";
import { whileAlone } from "./lock.ts";
import type { BootstrapWorld } from "./world.ts";

export interface DownRequest {
  /** Only stops: the node stays in the tailnet, and the next `up` needs no key. */
  readonly keepLogin: boolean;
  readonly timeoutMs: number;
}

export interface DownReport {
  readonly loggedOut: boolean;
  readonly stopped: readonly number[];
  readonly removed: readonly string[];
}

/** A coordination server that hangs keeps a logout waiting for ever. */
const logoutLimitMs = 5_000;

/**
 * Logs out, stops only what `up` started and removes only what `up` wrote. Doing it twice is fine.
 * Throws `busy` when another tsmcp is at work all the time.
 */
export async function down(request: DownRequest, world: BootstrapWorld): Promise<DownReport> {
  const removed: string[] = [];
  const stopped: number[] = [];
  let loggedOut = false;
  for (const directory of runtimeDirectories(world)) {
    if (!existsSync(directory)) continue;
    const layout = layoutOf(directory, { kind: "boot" }, world);
    await whileAlone({ layout, timeoutMs: request.timeoutMs }, world, async () => {
      const record = readRecord(world);
      const socket = record?.socket ?? layout.socket;
      const facts = await gatherFacts({ socket, proxy: { host: "127.0.0.1", port: 0 } }, world);
      if (!request.keepLogin) loggedOut = (await tryToLogOut(facts, socket, world)) || loggedOut;
      const identities = identitiesOf(facts.daemon);
      await stopAll(identities);
      stopped.push(...identities.map(({ pid }) => pid));
      const stateDir = record?.stateDir ?? layout.stateDir;
      const trash = [socket, layout.logFile, layout.logsDir, ...(request.keepLogin ? [] : [stateDir])];
      if (facts.daemon.kind !== "foreign") for (const path of trash) rmSync(path, { recursive: true, force: true });
      for (const file of removeAgentEntries(record?.entries ?? [])) {
        if (file.problem !== undefined)
          world.log.warn(`${JSON.stringify(file.path)} was left as it is: ${file.problem}`);
        for (const name of file.left) world.log.warn(`left ${name} in ${file.path}: it was changed since`);
        if (file.removed.length > 0) removed.push(file.path);
      }
      removed.push(...takeBackExports(record?.exports ?? [], world));
      removeRecord(world);
    });
    removeEmpty([directory, dirname(layout.socket), dirname(directory)]);
  }
  // A hook in a profile outlives the boot, and with it the record.
  removed.push(...takeBackExports([], world));
  return { loggedOut, stopped, removed };
}

function takeBackExports(recorded: BootRecord["exports"], world: BootstrapWorld): readonly string[] {
  const { files, left } = removeExports(recorded, world);
  for (const reason of left) world.log.warn(`could not undo everything: ${reason}`);
  return files;
}

/** Whoever cannot be reached cannot hold us: what is left in the tailnet then is told. */
async function tryToLogOut({ daemon, node }: UpFacts, socket: string, world: BootstrapWorld): Promise<boolean> {
  if (daemon.kind !== "ours" || node === undefined || node.status.backendState === "NeedsLogin") return false;
  try {
    await logOut({ socket, timeoutMs: logoutLimitMs, signal: world.signal });
    return true;
  } catch (error) {
    world.signal.throwIfAborted();
    const name = node.status.self?.dnsName ?? "this node";
    world.log.warn(`could not log out, so ${name} stays in the tailnet until it is removed there: ${messageOf(error)}`);
    return false;
  }
}

function removeEmpty(directories: readonly string[]): void {
  for (const directory of directories) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if (!["ENOTEMPTY", "ENOENT", "EEXIST", "EBUSY"].includes(systemCodeOf(error) ?? "")) throw error;
    }
  }
}
