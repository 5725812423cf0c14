import { setTimeout as delay } from "node:timers/promises";
import { TsmcpError } from "../core/errors.ts";
import type { Pending } from "./in-flight.ts";
import type { Opening } from "./opening.ts";
import { isPassing } from "./patience.ts";
import type { Way } from "./way.ts";

/** Holds messages up while something before them is under way. */
export interface Gate {
  /** Resolves when it opens; undefined while it is open, so that passing then costs nothing. */
  readonly closed: Promise<unknown> | undefined;
  /** Returns what opens it again; it stays closed until all who closed it have. */
  close(): () => void;
}

export function createGate(): Gate {
  let closed: Promise<unknown> | undefined;
  return {
    get closed() {
      return closed;
    },
    close() {
      let open: () => void = () => {};
      const own = new Promise<void>((resolve) => {
        open = resolve;
      });
      const all = Promise.all([closed, own]).then(() => {
        if (closed === all) closed = undefined;
      });
      closed = all;
      return open;
    },
  };
}

export interface GateContext {
  readonly way: Way;
  readonly opening: Opening;
  readonly url: URL;
  readonly patienceMs: number;
}

/**
 * Resolves when what was before (the opening, and its confirmation) is over. Rejects when the server refuses, when the way
 * is blocked for good, and, with what is in the way, when `patienceMs` are over.
 */
export async function passGate(
  before: Promise<unknown> | undefined,
  pending: Pending,
  context: GateContext,
): Promise<void> {
  const { way, opening, patienceMs, url } = context;
  if (opening.isPending) {
    const passed = new AbortController();
    const tooLate = delay(patienceMs, undefined, { signal: AbortSignal.any([pending.stop.signal, passed.signal]) });
    try {
      await Promise.race([
        before,
        opening.refusal().then((error) => Promise.reject(error)),
        blocked(way, passed.signal).then((error) => Promise.reject(error)),
        tooLate.then(() => Promise.reject(way.trouble?.error ?? silentServer(url, patienceMs))),
      ]);
    } finally {
      passed.abort();
    }
  } else if (before !== undefined) await orTooLong(before, pending, patienceMs);
  pending.stop.throwIfAborted();
  if (opening.failure !== undefined) throw opening.failure;
}

/** A server that says nothing to the confirmation must not hold up every call behind it. */
async function orTooLong(before: Promise<unknown>, pending: Pending, patienceMs: number): Promise<void> {
  const passed = new AbortController();
  const tooLong = delay(patienceMs, undefined, { signal: AbortSignal.any([pending.stop.signal, passed.signal]) });
  try {
    await Promise.race([before, tooLong]);
  } finally {
    passed.abort();
  }
}

/** Returns the error of a server that took the opening and says nothing to it. */
export function silentServer(url: URL, waitedMs: number): TsmcpError {
  const reason = `no answer within ${waitedMs} ms`;
  return new TsmcpError({
    code: "dial-failed",
    message: `${url.host} was reached and has not answered the opening: ${reason}`,
    hint: "check that the MCP server works there",
    facts: { layer: "server", reason },
  });
}

/** Resolves with what is in the way and will not pass by waiting, such as a wrong certificate. */
async function blocked(way: Way, until: AbortSignal): Promise<unknown> {
  for (;;) {
    const error = way.trouble?.error;
    if (error !== undefined && !isPassing(error)) return error;
    await way.nextTrouble();
    if (until.aborted) return new Promise(() => {});
  }
}
