import type { Readable, Writable } from "node:stream";
import type { Log } from "../core/log.ts";

export interface BridgeOptions {
  /** Where the server may be, the likeliest first: the first that does not answer 404 or 405 to the opening is it. */
  readonly urls: readonly [string, ...string[]];
  /** A proxy's URL, or `none`. */
  readonly proxy?: string | undefined;
  /** Each as `K: V`, with `${env:NAME}` for what must not be read by others. */
  readonly headers?: readonly string[] | undefined;
  /** How long a request waits for a way to the server. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long after `initialize` the agent is answered from the cache or the lock. */
  readonly earlyAfterMs?: number | undefined;
  /** How long after the start the agent is answered though nothing is known of the server. */
  readonly answerByMs?: number | undefined;
  /** `tsmcp.lock.json`; looked for upwards from the working directory when it is not named. */
  readonly lockFile?: string | undefined;
  /** tailscaled's, asked why a dial failed; what `up` recorded or the system's when it is not named. */
  readonly socket?: string | undefined;
  /** Lets calls whose connection was lost run again, where the tool calls itself read-only or idempotent. */
  readonly replaysIdempotent?: boolean | undefined;
  /** Keeps the way open while nothing is under way. */
  readonly keepsWarm?: boolean | undefined;
  /** How long a request waits for its answer; for ever by default. */
  readonly callTimeoutMs?: number | undefined;
  readonly maxInFlight?: number | undefined;
  /** The most bytes of a message, in both directions. */
  readonly maxMessageBytes?: number | undefined;
  /**
   * Asked before each dial whether the server may be dialled. Throws `dial-failed` where that is not known yet, which is
   * waited for, and anything else to end the bridge.
   */
  readonly admit?: (() => Promise<void>) | undefined;
  /** Takes the talk too, with times. */
  readonly logFile?: string | undefined;
}

export interface BridgeIo {
  readonly stdin: Readable;
  /** Belongs to the protocol alone. */
  readonly stdout: Writable;
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where a lock is looked for; nowhere when undefined. */
  readonly cwd?: string | undefined;
  /** Fires on SIGTERM and SIGINT. */
  readonly signal: AbortSignal;
  /** Called when the server has answered for the first time. */
  readonly onFirstAnswer?: (() => void) | undefined;
}

export const defaultConnectTimeoutMs = 8_000;
export const defaultEarlyAfterMs = 1_000;

/** Codex stops waiting at 10 s. */
export const defaultAnswerByMs = 8_000;
export const defaultMaxInFlight = 256;
export const defaultMaxFromAgentBytes = 32 * 1024 * 1024;

/** The official SDKs end their own connection past 10 MiB; the rest is for what they add in counting. */
export const defaultMaxToAgentBytes = 10 * 1024 * 1024 - 64 * 1024;
