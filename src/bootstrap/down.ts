import { lstatSync, rmSync, truncateSync } from "node:fs";
import { removeAgentEntries } from "../agents/agent-files.ts";
import { messageOf, TsmcpError } from "../core/errors.ts";
import { type BootRecord, type ProcessIdentity, readRecord, removeRecord, writeRecord } from "../core/record.ts";
import { ownRuntimeDirectories } from "../core/runtime-directory.ts";
import { stopProcess } from "../process/stop.ts";
import { olderFileOf } from "../streams/turned-file.ts";
import { logOut } from "../tailscale/local-api.ts";
import { identitiesOf, stopAll, stopGraceMs } from "./apply/daemon.ts";
import { removeExports } from "./exports/install.ts";
import { gatherFacts, type UpFacts } from "./facts.ts";
import { unlessInterrupted } from "./interruption.ts";
import { loginsKeptIn } from "./kept-login.ts";
import { isUsersStateDir, type Layout, layoutOf } from "./layout.ts";
import { whileAlone } from "./lock.ts";
import { keepState, removeState } from "./state-directory.ts";
import type { BootstrapWorld } from "./world.ts";

export interface DownRequest {
  /** Only stops: the node stays in the tailnet, and the next `up` needs no key. */
  readonly keepLogin: boolean;
  /** How long to wait for another tsmcp that is at work here. */
  readonly timeoutMs: number;
  /** How long the logout, and then tailscaled's end, may take; a service manager does not wait for long. */
  readonly limits?: { readonly logoutMs: number; readonly stopMs: number } | undefined;
}

export interface DownReport {
  readonly loggedOut: boolean;
  /** Process ids. */
  readonly stopped: readonly number[];
  /** Files that something was taken out of, and exports that were removed. */
  readonly removed: readonly string[];
}

/** A coordination server that hangs keeps a logout waiting for ever. */
const usualLimits = { logoutMs: 5_000, stopMs: stopGraceMs };
/** Whoever supervised it sees it end, and has nothing left to do. */
const supervisorGraceMs = 5_000;

/**
 * Logs out, stops only what `up` started and removes only what `up` wrote. Doing it twice is fine.
 * Throws `busy` when another tsmcp is at work all the time.
 */
export async function down(request: DownRequest, world: BootstrapWorld): Promise<DownReport> {
  return unlessInterrupted(world.signal, async () => {
    const reports: DownReport[] = [];
    for (const directory of ownRuntimeDirectories(world)) {
      const layout = layoutOf(directory, { kind: "boot" }, world);
      const { timeoutMs } = request;
      reports.push(await whileAlone({ layout, timeoutMs }, world, () => takeDown(layout, request, world)));
    }
    return {
      loggedOut: reports.some(({ loggedOut }) => loggedOut),
      stopped: reports.flatMap(({ stopped }) => stopped),
      // A hook in a profile outlives the boot, and with it the record.
      removed: [...reports.flatMap(({ removed }) => removed), ...takeBackExports([], world)],
    };
  });
}

async function takeDown(
  layout: Layout,
  { keepLogin, limits = usualLimits }: DownRequest,
  world: BootstrapWorld,
): Promise<DownReport> {
  const { record, supervisor } = dismissSupervisor(readRecord(world), world);
  const socket = record?.socket ?? layout.socket;
  const facts = await gatherFacts({ socket, proxy: { host: "127.0.0.1", port: 0 } }, world);
  const loggedOut = keepLogin ? false : await tryToLogOut(facts, { socket, timeoutMs: limits.logoutMs, layout }, world);
  const identities = identitiesOf(facts.daemon);
  await stopAll(identities, limits.stopMs);
  if (supervisor !== undefined) await stopProcess(supervisor, { graceMs: supervisorGraceMs });
  if (facts.daemon.kind !== "foreign" && !keepLogin && !loggedOut) {
    tellOfAbandoned(loginsKeptIn(record?.stateDir ?? layout.stateDir), world);
  }
  if (facts.daemon.kind !== "foreign") removeDaemonFiles({ layout, socket, record, keepLogin }, world);
  const removed = [...takeOutEntries(record?.entries ?? [], world), ...takeBackExports(record?.exports ?? [], world)];
  // The last thing: a `down` that is killed before can be run again.
  removeRecord(world);
  return { loggedOut, stopped: identities.map(({ pid }) => pid), removed };
}

/** From here on `up --foreground` leaves what ends alone. Its own end comes last: the daemon ends with it. */
function dismissSupervisor(
  before: BootRecord | undefined,
  world: BootstrapWorld,
): { readonly record: BootRecord | undefined; readonly supervisor: ProcessIdentity | undefined } {
  if (before?.supervisor === undefined) return { record: before, supervisor: undefined };
  const { supervisor, ...record } = before;
  writeRecord(world, record);
  return { record, supervisor: supervisor.pid === process.pid ? undefined : supervisor };
}

/** Whoever cannot be reached cannot hold us. */
async function tryToLogOut(
  { daemon, node }: UpFacts,
  { layout, ...api }: { readonly socket: string; readonly timeoutMs: number; readonly layout: Layout },
  world: BootstrapWorld,
): Promise<boolean> {
  if (daemon.kind !== "ours" || node === undefined || node.status.backendState === "NeedsLogin") return false;
  try {
    const ask = (): Promise<void> => logOut({ ...api, signal: world.signal });
    await ask().catch((error: unknown) => {
      if (!(error instanceof TsmcpError) || error.code !== "daemon-failed") throw error;
      // It writes before it tells the coordination server, and the disk may be full.
      makeRoom(layout);
      return ask();
    });
    return true;
  } catch (error) {
    world.signal.throwIfAborted();
    world.log.warn(`could not log out: ${messageOf(error)}`);
    return false;
  }
}

/** What tailscaled said is of no use any more; it holds the file open. */
function makeRoom({ logFile, logsDir }: Layout): void {
  rmSync(olderFileOf(logFile), { force: true });
  rmSync(logsDir, { recursive: true, force: true });
  if (lstatSync(logFile, { throwIfNoEntry: false })?.isFile()) truncateSync(logFile);
}

/** Without its state nobody can log the node out any more. */
function tellOfAbandoned(names: readonly string[], { log }: BootstrapWorld): void {
  for (const name of names) log.warn(`${name} was not logged out: it stays in the tailnet until it is removed there`);
}

function removeDaemonFiles(
  place: {
    readonly layout: Layout;
    readonly socket: string;
    readonly record: BootRecord | undefined;
    readonly keepLogin: boolean;
  },
  world: BootstrapWorld,
): void {
  const { layout, socket, record, keepLogin } = place;
  for (const path of [socket, layout.logFile, olderFileOf(layout.logFile), layout.aliveFile])
    rmSync(path, { force: true });
  rmSync(layout.logsDir, { recursive: true, force: true });
  const path = record?.stateDir ?? layout.stateDir;
  const own = [layout, layoutOf(layout.directory, { kind: "persistent" }, world)];
  (keepLogin ? keepState : removeState)({ path, isUsers: isUsersStateDir(path, own) });
}

function takeOutEntries(recorded: BootRecord["entries"], { log }: BootstrapWorld): readonly string[] {
  const files = removeAgentEntries(recorded);
  for (const { path, problem, left } of files) {
    if (problem !== undefined) log.warn(`${JSON.stringify(path)} was left as it is: ${problem}`);
    for (const name of left) log.warn(`left ${name} in ${path}: it was changed since`);
  }
  return files.filter(({ removed }) => removed.length > 0).map(({ path }) => path);
}

function takeBackExports(recorded: BootRecord["exports"], world: BootstrapWorld): readonly string[] {
  const { files, left } = removeExports(recorded, world);
  for (const reason of left) world.log.warn(`could not undo everything: ${reason}`);
  return files;
}
