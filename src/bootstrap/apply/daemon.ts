import { lstatSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf, systemCodeOf, TsmcpError } from "../../core/errors.ts";
import { type BootRecord, type ProcessIdentity, readRecord, removeRecord, writeRecord } from "../../core/record.ts";
import { makeOwnDirectory } from "../../core/runtime-directory.ts";
import { ownerOfPort } from "../../net/listening.ts";
import { type DaemonCall, type DaemonEnd, type StartedDaemon, startDaemon } from "../../process/daemon.ts";
import { isAlive } from "../../process/identity.ts";
import { stopProcess } from "../../process/stop.ts";
import { olderFileOf } from "../../streams/turned-file.ts";
import { daemonArguments, type ListenAddress, listenText } from "../../tailscale/daemon-arguments.ts";
import { requireTrustedSocket } from "../../tailscale/socket-trust.ts";
import type { Attempt } from "../attempt.ts";
import { type DaemonFacts, gatherNode, type NodeFacts, type UpFacts } from "../facts.ts";
import { lastLogLine, lastLogLines } from "../log-tail.ts";
import { chooseAddress, hasWantedProxy, portTaken } from "../proxy-address.ts";
import type { UpRequest } from "../request.ts";
import { hasNoState, keepState, makeStateDirectory, removeState, type StateDirectory } from "../state-directory.ts";
import { type Applied, act, type Decision, done, keep } from "../steps.ts";
import type { UpWorld } from "../world.ts";
import { requirePrograms } from "./install.ts";
import { tailscaleOutdated } from "./login-errors.ts";
import { preloadShell } from "./shell.ts";

/** tailscaled needs 15 ms to its socket; nothing announces it. */
const pollMs = 3;
/** What Go's `flag` ends a program with. */
export const unknownFlagExit = 2;
/** Time to leave the tailnet politely. */
export const stopGraceMs = 3_000;

/** Returns whether a daemon must be started: one that runs and answers is kept. */
export function decideDaemon(facts: UpFacts, request: UpRequest): Decision {
  const { daemon } = facts;
  switch (daemon.kind) {
    case "none":
      return act("start tailscaled");
    case "foreign":
      return keep("somebody else's tailscaled");
    case "lost":
      return act(`replace tailscaled ${daemon.identities.map(({ pid }) => pid).join(", ")}, which does not answer`);
    case "ours":
      if (daemon.isUnsupervised) return act(`take over tailscaled ${daemon.identity.pid}`);
      return hasWantedProxy(facts, request)
        ? keep(`pid ${daemon.identity.pid}`)
        : act(`restart tailscaled with its proxy on ${listenText(request.proxy)}`);
  }
}

/**
 * Starts tailscaled, in place of one that is lost or has another proxy address, and returns the facts as they are then.
 * Throws `proxy-port-taken`, and `daemon-failed` when it ended or did not answer in time; then nothing is left running.
 */
export async function applyDaemon(facts: UpFacts, attempt: Attempt): Promise<Applied> {
  const { layout, socket, world, request } = attempt;
  await stopAll(identitiesOf(facts.daemon));
  const proxy = await chooseAddress(facts, request);
  requireLogPlace(layout.logFile);
  const isNew = hasNoState(layout.stateDir);
  attempt.undo.add(() => (isNew ? forgetNode(attempt) : keepState(stateDirectoryOf(attempt))));
  makeStateDirectory(stateDirectoryOf(attempt));
  makeOwnDirectory(layout.logsDir);
  if (socket === layout.socket) makeSocketDirectory(dirname(socket));
  requireTrustedSocket(socket);
  const record: BootRecord = {
    version: 1,
    socket,
    proxy,
    stateDir: layout.stateDir,
    ...supervisorOf(facts, world),
    ...(facts.record?.keepsWarm ? { keepsWarm: true } : {}),
    entries: facts.record?.entries ?? [],
    exports: facts.record?.exports ?? [],
  };
  // Before the start: should we be killed in between, the next run knows where its proxy is.
  writeRecord(world, record);
  const call: DaemonCall = {
    file: requirePrograms(facts.programs).tailscaled,
    args: daemonArguments({ socket, stateDir: layout.stateDir, proxy, noLogs: request.noLogs }),
    env: await attempt.environment(),
    cwd: "/",
  };
  const { logFile } = layout;
  const started = await withLog(
    logFile,
    () => world.supervision?.start(call, logFile) ?? startDaemon({ ...call, logFile }),
  );
  if (started.kind === "refused") throw failed(`tailscaled could not be started: ${started.reason}`);
  if (started.kind === "ended") throw endedEarly(started.end, proxy, layout.logFile);
  const { identity } = started.daemon;
  attempt.undo.add(() => stopProcess(identity, { graceMs: stopGraceMs }));
  // The login comes next, and tailscaled needs a while.
  preloadShell();
  const withDaemon = { ...record, daemon: identity };
  writeRecord(world, withDaemon);
  const node = await untilAnswering(started.daemon, proxy, attempt);
  const after: UpFacts = {
    ...facts,
    record: withDaemon,
    daemon: { kind: "ours", identity },
    node,
    proxy: { address: proxy, answers: false },
  };
  return done(after, `pid ${identity.pid}`);
}

/** Under a long home it lies in memory, which another user's machine may keep from us. */
function makeSocketDirectory(directory: string): void {
  try {
    makeOwnDirectory(directory);
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    throw new TsmcpError({
      code: "file-unwritable",
      message: `tailscaled's socket has no place in ${JSON.stringify(directory)}: ${messageOf(error)}`,
      hint: "set HOME to a shorter path, or name a socket in a directory of yours with --socket",
      cause: error,
    });
  }
}

/** Before there is anything to take back: what lies there is not ours to remove. */
function requireLogPlace(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.isFile()) return;
  throw new TsmcpError({
    code: "runtime-directory-unsafe",
    message: `${JSON.stringify(path)} is ${stat.isSymbolicLink() ? "a symbolic link" : "no file"}`,
    hint: "find out who made it, then remove it",
  });
}

async function withLog<Result>(logFile: string, start: () => Promise<Result>): Promise<Result> {
  try {
    return await start();
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    throw new TsmcpError({
      code: "file-unwritable",
      message: `tailscaled's log cannot be written: ${messageOf(error)}`,
      hint: "make room or make the directory writable",
      facts: { file: logFile },
      cause: error,
    });
  }
}

/** A plain `up` mends what somebody else supervises, and leaves that to him. */
function supervisorOf({ record }: UpFacts, { supervision }: UpWorld): Pick<BootRecord, "supervisor"> {
  if (supervision !== undefined) return { supervisor: supervision.self };
  return record?.supervisor !== undefined && isAlive(record.supervisor) ? { supervisor: record.supervisor } : {};
}

function stateDirectoryOf({ layout, request }: Attempt): StateDirectory {
  return { path: layout.stateDir, isUsers: request.state.kind === "directory" };
}

/** Whoever is not logged in has no identity worth keeping. */
function forgetNode(attempt: Attempt): void {
  const { layout, world, socket } = attempt;
  for (const line of lastLogLines(layout.logFile)) world.log.debug(`tailscaled: ${line}`);
  removeState(stateDirectoryOf(attempt));
  for (const path of [layout.logsDir, layout.logFile, olderFileOf(layout.logFile), socket])
    rmSync(path, { recursive: true, force: true });
  // A supervisor that goes on finds by the record that it is still wanted.
  if (world.supervision?.isRunning) return;
  const record = readRecord(world);
  if (record !== undefined && record.entries.length === 0 && record.exports.length === 0) removeRecord(world);
}

export async function stopAll(identities: readonly ProcessIdentity[], graceMs = stopGraceMs): Promise<void> {
  await Promise.all(identities.map((identity) => stopProcess(identity, { graceMs })));
}

export function identitiesOf(daemon: DaemonFacts): readonly ProcessIdentity[] {
  if (daemon.kind === "ours") return [daemon.identity];
  return daemon.kind === "lost" ? daemon.identities : [];
}

async function untilAnswering(daemon: StartedDaemon, proxy: ListenAddress, attempt: Attempt): Promise<NodeFacts> {
  const { world, socket, layout } = attempt;
  let end: DaemonEnd | undefined;
  void daemon.ended.then((how) => {
    end = how;
  });
  while (attempt.remainingMs() > 0) {
    world.signal.throwIfAborted();
    if (end !== undefined) throw endedEarly(end, proxy, layout.logFile);
    const node = await gatherNode(socket, world);
    // NoState is what it says until it has read its own state.
    if (node !== undefined && node.status.backendState !== "NoState") return node;
    await delay(pollMs);
  }
  throw failed(`tailscaled did not answer within ${attempt.request.timeoutMs}ms`, lastLogLine(layout.logFile));
}

function endedEarly(end: DaemonEnd, proxy: ListenAddress, logFile: string): TsmcpError {
  const owner = ownerOfPort(proxy.port);
  if ("pid" in owner) return portTaken(proxy);
  const last = lastLogLines(logFile).find((line) => line.startsWith("flag provided but not defined"));
  if (end.kind === "exited" && end.exitCode === unknownFlagExit && last !== undefined) {
    throw tailscaleOutdated("tailscaled", last);
  }
  const how = end.kind === "exited" ? `with exit code ${end.exitCode}` : `by ${end.signal}`;
  return failed(`tailscaled ended at once ${how}`, lastLogLine(logFile));
}

function failed(message: string, lastLine = ""): TsmcpError {
  return new TsmcpError({
    code: "daemon-failed",
    message: lastLine === "" ? message : `${message}; it said last: ${lastLine}`,
    hint: 'run "tsmcp up" again with --verbose, and look at what tailscaled says',
  });
}
