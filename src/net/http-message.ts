import type { Readable } from "node:stream";
import type { StopSignal } from "../core/stop.ts";

export type Header = readonly [name: string, value: string];

/** One request, on whichever version of HTTP the connection speaks. */
export interface HttpRequest {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** Goes out as `Host` or `:authority`. */
  readonly authority: string;
  /** The request-target or `:path` as it stands; nothing is normalised. */
  readonly target: string;
  /** A frozen list is made ready once for all the requests that carry it. */
  readonly headers: readonly Header[];
  readonly body?: Uint8Array | undefined;
  /** The answer comes at once: it may overtake requests that wait for a connection. */
  readonly isBrief?: boolean | undefined;
  /** Ends the request, and the reading of its answer. */
  readonly signal?: StopSignal | undefined;
}

/** The head of an answer, and a body that has an error listener attached and must be read or destroyed. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: Readable;
  readonly protocol: "h1" | "h2";
}

/** Returns the first value of a header, by a lower-case name. */
export function headerOf(headers: readonly Header[], name: string): string | undefined {
  for (const [key, value] of headers) if (key === name || key.toLowerCase() === name) return value;
  return undefined;
}

/** Returns the reason of a signal as what a stream can be destroyed with. */
export function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** The most bytes an answer's header may have: ours and Node's default is 16 KiB, and gateways add to it. */
export const maxHeaderBytes = 64 * 1024;
