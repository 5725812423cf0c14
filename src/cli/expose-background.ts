import { statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { TsmcpError } from "../core/errors.ts";
import { endExposure } from "../expose/off.ts";
import type { ExposeOutcome } from "../expose/outcome.ts";
import { readOutcome, removeOutcome, type ToldOutcome, writeOutcome } from "../expose/outcome-file.ts";
import { livingOwner, readExposeRecord } from "../expose/record.ts";
import type { ExposeRequest, ExposeWorld } from "../expose/request.ts";
import { ensureRoom } from "../expose/room.ts";
import { runExposure } from "../expose/run.ts";
import { exposureStanding } from "../expose/standing.ts";
import { type StartedDaemon, startDaemon } from "../process/daemon.ts";
import { stopProcess } from "../process/stop.ts";
import type { CommandContext } from "./context.ts";
import { exposureLogFile } from "./exposure-log.ts";
import { type FollowedLog, followLog } from "./followed-log.ts";

/** It takes two handlers away, and drains its calls. */
const graceMs = 30_000;

/**
 * Has a process of its own expose, and returns the outcome once that stands, or does not. One that stands already and is the same is
 * proven again; another one of this user's in the background is ended first. Throws `busy` for one in some terminal, and what
 * the process says that went wrong.
 */
export async function exposeInBackground(
  request: ExposeRequest,
  world: ExposeWorld,
  context: CommandContext,
): Promise<ExposeOutcome> {
  const { directory, fingerprint } = request;
  ensureRoom(request);
  const record = readExposeRecord(directory);
  const owner = record === undefined ? undefined : livingOwner(record);
  if (record?.isDetached === true && owner !== undefined) {
    const told = readOutcome(directory, owner);
    const isSame = record.fingerprint === fingerprint && told?.kind === "outcome" && told.outcome.status === "exposed";
    const standing = isSame ? await exposureStanding(request, world.signal) : undefined;
    const isWhole = standing?.status === "stands" && standing.missing === 0;
    if (isSame && isWhole) return proveAgain(told.outcome, { request, world });
    world.log.info(
      isSame
        ? `the exposure in the background (process ${owner.pid}) is served no longer, and is made anew`
        : `another exposure in the background (process ${owner.pid}) makes room`,
    );
    await endExposure(request, world);
  }
  const logFile = exposureLogFile(directory);
  const logBytes = sizeOf(logFile);
  const daemon = await startSelf(logFile, context);
  try {
    const told = await untilTold(daemon, { directory, log: followLog(logFile, logBytes), context });
    if (told.kind === "outcome" && told.outcome.status === "exposed") return told.outcome;
    removeOutcome(directory, daemon.identity.pid);
    if (told.kind === "outcome") return told.outcome;
    const { code, message, hint, facts } = told.error;
    throw new TsmcpError({ code, message, facts, ...(hint === null ? {} : { hint }) });
  } catch (error) {
    await stopProcess(daemon.identity, { graceMs });
    throw error;
  }
}

/** Exposes as the process that was started for it. */
export async function exposeDetached(request: ExposeRequest, world: ExposeWorld): Promise<ExposeOutcome> {
  const tell = (told: ToldOutcome): void => writeOutcome(request.directory, told);
  try {
    return await runExposure({ ...request, background: true }, world, (outcome) => tell({ kind: "outcome", outcome }));
  } catch (error) {
    if (error instanceof TsmcpError) tell({ kind: "error", error: error.toJSON() });
    throw error;
  }
}

async function proveAgain(
  outcome: Extract<ExposeOutcome, { readonly status: "exposed" }>,
  { request, world }: { readonly request: ExposeRequest; readonly world: ExposeWorld },
): Promise<ExposeOutcome> {
  world.log.info("kept: it stands already; proving it again");
  const proof = await world.prove({
    host: outcome.host,
    tailnetUrls: outcome.tailnetUrls,
    funnel: outcome.publicUrls.length > 0,
    waitMs: request.waitMs,
    signal: world.signal,
  });
  if (proof.verdict !== "fail") return { ...outcome, proof };
  await endExposure(request, world);
  return { ...outcome, status: "withdrawn", proof };
}

async function startSelf(logFile: string, { env, cwd }: CommandContext): Promise<StartedDaemon> {
  const [, script = "", ...words] = process.argv;
  const defined = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const started = await startDaemon({
    file: process.execPath,
    args: [script, ...detachedWords(words)],
    env: Object.fromEntries(defined),
    logFile,
    cwd,
  });
  if (started.kind === "started") return started.daemon;
  throw new TsmcpError({
    code: "command-failed",
    message: `no process could be started in the background: ${started.kind === "refused" ? started.reason : "it ended at once"}`,
    hint: `see ${logFile}`,
  });
}

/** Behind a `--` it would be no option. */
function detachedWords(words: readonly string[]): readonly string[] {
  const end = words.includes("--") ? words.indexOf("--") : words.length;
  return [...words.slice(0, end), "--detached", ...words.slice(end)];
}

const pollMs = 50;

/** No event tells what another process writes. */
async function untilTold(
  daemon: StartedDaemon,
  {
    directory,
    log,
    context,
  }: { readonly directory: string; readonly log: FollowedLog; readonly context: CommandContext },
): Promise<ToldOutcome> {
  let hasEnded = false;
  void daemon.ended.then(() => {
    hasEnded = true;
  });
  for (;;) {
    const over = hasEnded;
    const told = readOutcome(directory, daemon.identity);
    const text = log.next();
    if (!context.quiet) context.writeError(text);
    if (told !== undefined) return told;
    if (over) {
      throw new TsmcpError({
        code: "command-failed",
        message: "the process in the background ended without a word",
        hint: `see ${log.path}`,
      });
    }
    await pause(pollMs, undefined, { signal: context.signal });
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
