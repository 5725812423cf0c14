import type { Readable } from "node:stream";

export type Header = readonly [name: string, value: string];

/** One request, on whichever version of HTTP the connection speaks. */
export interface HttpRequest {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** Goes out as `Host` or `:authority`. */
  readonly authority: string;
  /** The request-target or `:path` as it stands; nothing is normalised. */
  readonly target: string;
  readonly headers: readonly Header[];
  readonly body?: Uint8Array | undefined;
  /** The answer comes at once: it may overtake requests that wait for a connection. */
  readonly isBrief?: boolean | undefined;
  /** Ends the request, and the reading of its answer. */
  readonly signal?: AbortSignal | undefined;
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
  return headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

/** The most bytes an answer's header may have: ours and Node's default is 16 KiB, and gateways add to it. */
export const maxHeaderBytes = 64 * 1024;
