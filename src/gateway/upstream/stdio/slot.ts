import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../../../core/log.ts";
import { UpstreamFailure } from "../failure.ts";
import type { UpstreamState } from "../upstream.ts";
import { OpeningRefused, type RunningServer } from "./start-server.ts";

/** The place of one child: never more than one at a time, started when it is needed, and again when it ended. */
export interface Slot {
  readonly state: UpstreamState;
  /** The server, if it runs now. */
  readonly current: RunningServer | undefined;
  /** Returns the server, started if need be. Throws UpstreamFailure while it is down, and OpeningRefused. */
  ready(): Promise<RunningServer>;
  /** Ends the child until it is needed again. */
  rest(): Promise<void>;
  close(): Promise<void>;
}

export interface SlotOptions {
  readonly name: string;
  readonly log: Log;
  readonly start: () => Promise<RunningServer>;
  /** Runs before anybody else speaks with the new server. */
  readonly onStarted?: ((server: RunningServer) => Promise<void> | void) | undefined;
  /** True when the server is wanted though nobody asks it anything: somebody listens. */
  readonly isWanted?: (() => boolean) | undefined;
}

/** A start after a long life costs no wait; each further failure doubles it. */
const firstWaitMs = 250;
const longestWaitMs = 30_000;

/** Who asks waits this long for the next start; then it is told. */
const patienceMs = 2_000;

/** A child that lived this long did not fail to start. */
const longLifeMs = 10_000;

export function createSlot({ name, log, start, onStarted, isWanted }: SlotOptions): Slot {
  let current: RunningServer | undefined;
  let starting: Promise<RunningServer> | undefined;
  let failures = 0;
  let notBeforeMs = 0;
  let last: Error | undefined;
  let stopping: Promise<void> = Promise.resolve();
  const closing = new AbortController();

  const running = (): RunningServer | undefined => (current?.wire.isOpen === true ? current : undefined);
  const noteFailure = (error: Error): void => {
    failures += 1;
    last = error;
    const waitMs = failures === 1 ? 0 : Math.min(firstWaitMs * 2 ** (failures - 2), longestWaitMs);
    notBeforeMs = performance.now() + waitMs;
  };
  const keepUp = (): void => {
    if (closing.signal.aborted || isWanted?.() !== true) return;
    delay(Math.max(notBeforeMs - performance.now(), 0), undefined, { signal: closing.signal, ref: false })
      .then(ready)
      .catch(() => {});
  };
  const launch = async (): Promise<RunningServer> => {
    const waitMs = notBeforeMs - performance.now();
    if (waitMs > 0) await delay(waitMs, undefined, { signal: closing.signal });
    // The one before may still be going, and there is but one place.
    await stopping;
    closing.signal.throwIfAborted();
    const bornMs = performance.now();
    let server: RunningServer;
    try {
      server = await start();
      await onStarted?.(server);
    } catch (error) {
      noteFailure(error instanceof Error ? error : new Error(String(error)));
      if (!(error instanceof OpeningRefused)) log.warn(`${name}: ${last?.message}`);
      keepUp();
      throw error;
    }
    if (closing.signal.aborted) {
      stopping = server.stop();
      throw closed();
    }
    current = server;
    last = undefined;
    void server.wire.closed.then((why) => {
      if (current !== server) return;
      current = undefined;
      // What closed its output is of no more use, though it may still run.
      stopping = server.stop();
      if (closing.signal.aborted) return;
      if (performance.now() - bornMs >= longLifeMs) failures = 0;
      noteFailure(new UpstreamFailure("unreachable", why));
      log.warn(`${name}: the server ${why}`);
      keepUp();
    });
    return server;
  };
  const ready = (): Promise<RunningServer> => {
    const server = running();
    if (server !== undefined) return Promise.resolve(server);
    if (closing.signal.aborted) return Promise.reject(closed());
    if (starting === undefined && last !== undefined && notBeforeMs - performance.now() > patienceMs) {
      return Promise.reject(last);
    }
    starting ??= launch().finally(() => {
      starting = undefined;
    });
    return starting;
  };
  return {
    get state() {
      if (running() !== undefined) return "ready";
      return last === undefined ? "idle" : "failing";
    },
    get current() {
      return running();
    },
    ready,
    async rest() {
      if (current !== undefined) stopping = current.stop();
      current = undefined;
      failures = 0;
      await stopping;
    },
    async close() {
      closing.abort(closed());
      await starting?.catch(() => {});
      if (current !== undefined) stopping = current.stop();
      await stopping;
    },
  };
}

function closed(): UpstreamFailure {
  return new UpstreamFailure("ended", "is not asked any more: the gateway is ending or the session has ended");
}
