import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../../../core/log.ts";
import { plainLines } from "../../../core/plain-text.ts";
import { timeoutSignal } from "../../../core/timeout-signal.ts";
import { modernMeta, modernVersion } from "../../../mcp/era.ts";
import type { JsonObject } from "../../../mcp/json.ts";
import type { RpcError } from "../../../mcp/message.ts";
import { striker } from "../../../mcp/struck.ts";
import { type Child, type ChildStart, startChild } from "../../../process/child.ts";
import type { Program } from "../../../process/namespace.ts";
import type { SystemUser } from "../../../process/system-user.ts";
import type { Watchdog } from "../../../process/watchdog.ts";
import { linesOf } from "../../../streams/lines.ts";
import type { ExactNumbers } from "../../exact-numbers.ts";
import { createAllowance } from "../allowance.ts";
import { UpstreamFailure } from "../failure.ts";
import type { Room } from "./room.ts";
import { openWire, type Wire, type WireOwner } from "./wire.ts";

/** What runs, and what it gets. */
export interface StdioProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Undefined: as ourselves. */
  readonly user?: SystemUser | undefined;
}

/** How the server is to be opened: each child is of one era for good, as the official SDK has it. */
export type StdioOpening =
  | { readonly era: "legacy"; readonly params: JsonObject; readonly owner: WireOwner }
  | { readonly era: "modern" };

/** A server that runs and has been opened. */
export interface RunningServer {
  readonly wire: Wire;
  /** What it answered to `initialize` or `server/discover`. */
  readonly result: JsonObject;
  stop(): Promise<void>;
}

/** The server is up, and does not want to be opened like this. */
export class OpeningRefused extends Error {
  readonly rpc: RpcError;

  constructor(rpc: RpcError) {
    super(rpc.message);
    this.name = "OpeningRefused";
    this.rpc = rpc;
  }
}

export interface StdioWorld {
  readonly name: string;
  readonly program: StdioProgram;
  /** How to start it where it cannot get at us; undefined: as it is. Returns undefined where there is no such program. */
  readonly enclose?: ((program: Program) => Program | undefined) | undefined;
  readonly log: Log;
  /** Struck out of what the server says, to callers and to the log. */
  readonly secrets?: readonly string[] | undefined;
  readonly numbers?: ExactNumbers | undefined;
  readonly watchdog: Watchdog;
  readonly room: Room;
  /** From the start to the answer: a package may have to be fetched first. */
  readonly openTimeoutMs: number;
  readonly silenceMs: number;
}

/** How long a child may take to go, at each step of asking. */
const stopGraceMs = 2_000;

const ownQuestion: WireOwner = { callerKey: undefined, deliver: () => false, isSubscribed: () => false };

/** Returns the server, started and opened. Throws UpstreamFailure, or OpeningRefused; then nothing is left of it. */
export async function startServer(
  world: StdioWorld,
  opening: StdioOpening,
  { isExclusive }: { isExclusive: boolean },
): Promise<RunningServer> {
  const { name, log, watchdog, openTimeoutMs } = world;
  const leave = await world.room.take();
  const started = await startProgram(world).catch((error: unknown) => {
    leave();
    throw error;
  });
  if (started.kind === "refused") {
    leave();
    throw new UpstreamFailure("unreachable", `cannot be started (${started.reason})`);
  }
  const { child } = started;
  watchdog.watch(child.pid);
  void child.ended.then((end) => {
    leave();
    watchdog.forget(child.pid);
    log.debug(`${name}: process ${child.pid} ended (${JSON.stringify(end)})`);
  });
  const strike = striker(world.secrets ?? []);
  void logErrors(child, { name, log, strike });
  const { numbers } = world;
  const heard = numbers === undefined ? strike : (line: Buffer): Buffer => numbers.hold(strike(line));
  const wire = openWire(child, { ...world, heard, said: numbers?.release, isExclusive });
  const signal = timeoutSignal(openTimeoutMs);
  try {
    const request =
      opening.era === "legacy"
        ? { method: "initialize", params: opening.params }
        : { method: "server/discover", params: { _meta: modernMeta(modernVersion) } };
    const { outcome } = await wire.request(
      { kind: "request", id: 0, ...request },
      {
        owner: opening.era === "legacy" ? opening.owner : ownQuestion,
        signal,
        onMessage: () => {},
        abortCancels: false,
      },
    );
    if ("error" in outcome) throw new OpeningRefused(outcome.error);
    return { wire, result: outcome.result, stop: () => child.stop(stopGraceMs) };
  } catch (error) {
    void child.stop(stopGraceMs);
    if (signal.aborted) throw new UpstreamFailure("timeout", `was not ready within ${openTimeoutMs} ms`);
    if (error instanceof UpstreamFailure) throw new UpstreamFailure("unreachable", error.message);
    throw error;
  }
}

async function startProgram({ program, enclose }: StdioWorld): Promise<ChildStart> {
  const { command: file, args, env, cwd, user } = program;
  if (enclose === undefined) return await startChild({ file, args, env, cwd, user });
  const enclosed = enclose({ file, args, env, cwd });
  return enclosed === undefined ? { kind: "refused", reason: "ENOENT" } : await startChild(enclosed);
}

const maxErrorLineBytes = 4 * 1024;

/** What a server writes to its stderr is for people; more than they can read is left out, and a flood has to wait. */
async function logErrors(
  child: Child,
  { name, log, strike }: { name: string; log: Log; strike: (bytes: Buffer) => Buffer },
): Promise<void> {
  const shown = createAllowance({ burst: 200, perSecond: 20 });
  const read = createAllowance({ burst: 8 * 1024 * 1024, perSecond: 1024 * 1024 });
  let left = 0;
  for await (const line of linesOf(child.stderr, maxErrorLineBytes)) {
    const bytes = strike(line.kind === "line" ? line.bytes : line.head);
    const nowMs = performance.now();
    if (shown.spend(1, nowMs) > 0) left += 1;
    else {
      if (left > 0) log.info(`${name}: (${left} lines left out)`);
      left = 0;
      // A carriage return in a line must not begin one that looks like ours.
      log.info(`${name}: ${plainLines(bytes.toString("utf8")).replaceAll("\n", " ")}`);
    }
    const pauseMs = read.spend(bytes.length + lineCostBytes, nowMs);
    if (pauseMs > 0) await delay(pauseMs, undefined, { ref: false });
  }
}

/** What a line costs beside its bytes. */
const lineCostBytes = 100;
