import { setTimeout as pause } from "node:timers/promises";
import { TsmcpError } from "../core/errors.ts";
import { timeoutSignal } from "../core/timeout-signal.ts";
import { type Child, startChild } from "../process/child.ts";
import { type RunEnd, run } from "../process/run.ts";
import { createWatchdog } from "../process/watchdog.ts";
import { drainArguments, serveArguments, serveOffArguments } from "../tailscale/serve-arguments.ts";
import type { ServeState } from "../tailscale/serve-state.ts";
import { daemonMark } from "./await-daemon.ts";
import { programEnvironment, readServeState, type TailscaleProgram } from "./facts.ts";
import type { PlannedHandler } from "./plan.ts";
import { isSame, isServed } from "./ports.ts";
import type { OwnHandler } from "./record.ts";
import type { ExposeRequest, ExposeWorld } from "./request.ts";
import { watchHandler } from "./watch-handler.ts";

/** A handler that was set, as tailscaled itself says. */
export interface HeldHandler {
  readonly own: OwnHandler;
  /** Settles when it is served no longer and nobody released it, with the mark of the tailscaled that had it. */
  readonly lost: Promise<string | undefined>;
  /** Takes it away and returns once tailscaled has it no longer. */
  release(): Promise<void>;
}

/** What every call of `tailscale` here needs. */
export interface Setting {
  readonly cli: TailscaleProgram;
  readonly request: ExposeRequest;
  readonly world: ExposeWorld;
  /** Throws what forbids the handler, now that the configuration is this. */
  readonly recheck: (state: ServeState) => void;
}

/** `tailscale serve` answers within a moment, or waits for somebody to change the tailnet. */
const callTimeoutMs = 20_000;
const maxTries = 4;
const firstPauseMs = 50;

/** Its end is all that it has to do. */
const endGraceMs = 50;

/**
 * Sets a handler by the real command line and returns once the configuration has it. Another program that changes the
 * configuration at the same time makes the command fail ("etag mismatch"), so after each failure the configuration is read
 * and judged again. Throws `command-failed` with what `tailscale` said, `command-timeout` where it waits.
 */
export async function setHandler(planned: PlannedHandler, own: OwnHandler, setting: Setting): Promise<HeldHandler> {
  const { port } = planned;
  for (let tries = 1; ; tries += 1) {
    setting.recheck(await readServeState(setting.request, setting.world.signal));
    const set = planned.background ? setInBackground : setInForeground;
    const { held, said } = await set(planned, own, setting);
    if (held !== undefined) return held;
    if (tries === maxTries) throw notSet(planned, said);
    setting.world.log.debug(`tailscale ${planned.verb} has not set port ${port}, trying again: ${said}`);
    await pause(firstPauseMs * 2 ** tries, undefined, { signal: setting.world.signal });
  }
}

interface Tried {
  readonly held: HeldHandler | undefined;
  readonly said: string;
}

async function setInBackground(planned: PlannedHandler, own: OwnHandler, setting: Setting): Promise<Tried> {
  const { cli, request, world } = setting;
  const end = await run({
    file: cli.path,
    args: serveArguments(planned, { socket: request.socket, target: own.target, background: true }),
    env: programEnvironment(request, world),
    cwd: "/",
    timeoutMs: callTimeoutMs,
    signal: world.signal,
  });
  const state = await readServeState(request, world.signal);
  const isFunnel = planned.verb === "funnel";
  if (isServed(state, own, { isFunnel })) {
    const watch = watchHandler(own, { isFunnel, request });
    const release = async (): Promise<void> => {
      watch.close();
      await takeAway(own, setting);
    };
    return { held: { own, lost: watch.lost, release }, said: "" };
  }
  if (end.kind === "timeout") throw waits(planned, "");
  return { held: undefined, said: end.kind === "exited" ? oneLine(end.stderr + end.stdout) : end.kind };
}

async function setInForeground(planned: PlannedHandler, own: OwnHandler, setting: Setting): Promise<Tried> {
  const { cli, request, world } = setting;
  const mark = daemonMark(request);
  const started = await startChild({
    file: cli.path,
    args: serveArguments(planned, { socket: request.socket, target: own.target, background: false }),
    env: programEnvironment(request, world),
    cwd: "/",
  });
  if (started.kind === "refused") return { held: undefined, said: started.reason };
  const { child } = started;
  // A `kill -9` of this process must not leave it, and with it the handler.
  const watchdog = createWatchdog();
  watchdog.watch(child.pid);
  const said = listenTo(child);
  const end = async (): Promise<void> => {
    await child.stop(endGraceMs);
    watchdog.forget(child.pid);
    watchdog.close();
  };
  try {
    const outcome = await untilServed(planned, own, { child, setting });
    if (outcome === "served") {
      const release = async (): Promise<void> => {
        await end();
        await untilGone(own, setting);
      };
      return { held: { own, lost: child.ended.then(() => mark), release }, said: "" };
    }
    await end();
    if (outcome === "late") throw waits(planned, said());
    return { held: undefined, said: said() };
  } catch (error) {
    await end();
    throw error;
  }
}

async function untilServed(
  { verb }: PlannedHandler,
  own: OwnHandler,
  { child, setting }: { readonly child: Child; readonly setting: Setting },
): Promise<"served" | "ended" | "late"> {
  const { request, world } = setting;
  let hasEnded = false;
  void child.ended.then(() => {
    hasEnded = true;
  });
  const late = timeoutSignal(callTimeoutMs);
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 1.5, 200)) {
    const over = hasEnded;
    if (!over && isServed(await readServeState(request, world.signal), own, { isFunnel: verb === "funnel" })) {
      return "served";
    }
    if (over) return "ended";
    if (late.aborted) return "late";
    await pause(pauseMs, undefined, { signal: world.signal });
  }
}

/** What it takes to take a handler away. */
export interface Taking {
  readonly cli: TailscaleProgram;
  readonly request: Pick<ExposeRequest, "socket" | "directory">;
  readonly world: Pick<ExposeWorld, "env">;
}

/** Takes a handler of ours away that stays by itself. What is not exactly ours is left. */
export async function takeAway(own: OwnHandler, setting: Taking): Promise<void> {
  await takeHandlerAway(own, setting);
  const { service, isOnlyHosting } = own;
  if (service === undefined || isOnlyHosting !== true) return;
  const { handlers } = await readServeState(setting.request);
  if (!handlers.some((handler) => handler.service === service))
    await runOut(drainArguments(service, setting.request), setting);
}

async function takeHandlerAway(own: OwnHandler, setting: Taking): Promise<void> {
  const { request } = setting;
  for (let tries = 1; ; tries += 1) {
    const state = await readServeState(request);
    if (!state.handlers.some((handler) => isSame(own, handler))) return;
    const end = await runOut(serveOffArguments(own, request), setting);
    if (tries === maxTries && (await isThere(own, request))) {
      throw notTaken(own, end.kind === "exited" ? oneLine(end.stderr + end.stdout) : end.kind);
    }
    if (tries > 1) await pause(firstPauseMs * 2 ** tries);
  }
}

/** Our own way out, which no Ctrl-C may cut short. */
function runOut(args: readonly string[], { cli, request, world }: Taking): Promise<RunEnd> {
  return run({
    file: cli.path,
    args,
    env: programEnvironment(request, world),
    cwd: "/",
    timeoutMs: callTimeoutMs,
    signal: new AbortController().signal,
  });
}

const goneTimeoutMs = 10_000;

/** tailscaled drops what ran in the foreground when its program has gone. */
export async function untilGone(own: OwnHandler, { request }: Pick<Taking, "request">): Promise<void> {
  const late = timeoutSignal(goneTimeoutMs);
  for (let pauseMs = 5; await isThere(own, request); pauseMs = Math.min(pauseMs * 1.5, 200)) {
    if (late.aborted) throw notTaken(own, `tailscaled still has it ${goneTimeoutMs / 1_000}s after its end`);
    await pause(pauseMs);
  }
}

async function isThere(own: OwnHandler, request: Taking["request"]): Promise<boolean> {
  const state = await readServeState(request);
  return state.handlers.some((handler) => isSame(own, handler));
}

const maxSaidChars = 2_000;

function listenTo({ stdout, stderr }: Child): () => string {
  let text = "";
  for (const stream of [stdout, stderr]) {
    stream.on("data", (chunk: Buffer) => {
      if (text.length < maxSaidChars) text += chunk.toString("utf8");
    });
  }
  return () => oneLine(text);
}

function oneLine(text: string): string {
  return text
    .trim()
    .split(/\s*\n\s*/)
    .join(" ")
    .slice(0, maxSaidChars);
}

function notSet({ verb, port }: PlannedHandler, said: string): TsmcpError {
  return new TsmcpError({
    code: "command-failed",
    message: `tailscale ${verb} has not set port ${port}${said === "" ? "" : `: ${said}`}`,
    hint: 'see what "tailscale serve status" says',
    facts: { port, said },
  });
}

function waits({ verb, port }: PlannedHandler, said: string): TsmcpError {
  return new TsmcpError({
    code: "command-timeout",
    message: `tailscale ${verb} has not set port ${port} within ${callTimeoutMs / 1_000}s${said === "" ? "" : `: ${said}`}`,
    hint: `run "tailscale ${verb} --https=${port} 1" by hand to see what it waits for`,
    facts: { port, said },
  });
}

function notTaken({ port, mount }: OwnHandler, said: string): TsmcpError {
  return new TsmcpError({
    code: "command-failed",
    message: `${mount} on port ${port} could not be taken away: ${said}`,
    hint: `run "tailscale serve --https=${port} --set-path=${mount} off"`,
    facts: { port, mount, said },
  });
}
