import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { messageOf } from "../core/errors.ts";
import { type Header, type HttpRequest, type HttpResponse, maxHeaderBytes, toError } from "./http-message.ts";
import { createOutgoingHeaders } from "./http2-headers.ts";

/** One HTTP/2 connection, many requests. */
export interface Http2Connection {
  /** False once it is closed, broken, or the server said it takes no more requests (GOAWAY). */
  readonly usable: boolean;
  /** Requests under way. */
  readonly inFlight: number;
  /** How many the server takes at once; those beyond wait inside. Infinity until it said so. */
  readonly maxInFlight: number;
  /** True when an upload does not get on and leaves no room for another one of `bodyBytes`. */
  isStuckFor(bodyBytes: number): boolean;
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Tells in milliseconds how long a PING took; rejects when none comes back within `timeoutMs`. */
  ping(timeoutMs: number): Promise<number>;
  /** Ends at once, whatever is under way. */
  destroy(): void;
}

/** The server said that it did not look at the request, or it was never sent: it may go again, whatever it is. */
export class RequestUnprocessed extends Error {
  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
    this.name = "RequestUnprocessed";
  }
}

/** What one stream may bring before we grant more, and all together: bulk answers must not wait for round trips. */
const streamWindowBytes = 8 * 1024 * 1024;
const connectionWindowBytes = 32 * 1024 * 1024;

/** An upload that takes longer may be stuck. */
const stuckAfterMs = 250;

/** Together the 15 s in which a host that died without a word is found; TCP alone takes two hours. */
const usualWatch: Http2Watch = { everyMs: 10_000, timeoutMs: 5_000 };

/** RFC 9113 §7, §8.7: closed before any processing; nobody wants the answer any more. */
const refusedStream = 7;
const cancelled = 8;

/** How often a connection with requests under way is asked whether it lives, and how long its answer may take. */
export interface Http2Watch {
  readonly everyMs: number;
  readonly timeoutMs: number;
}

/** Returns an HTTP/2 connection over `socket`, on which ALPN agreed on `h2`. It breaks by itself when the peer is dead. */
export async function openHttp2(socket: Duplex, origin: string, watch = usualWatch): Promise<Http2Connection> {
  // Loaded when a server speaks it, and not at the start: it costs some milliseconds.
  const { connect } = await import("node:http2");
  const session = connect(origin, {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: streamWindowBytes, maxHeaderListSize: maxHeaderBytes },
  });
  let inFlight = 0;
  let maxInFlight = Number.POSITIVE_INFINITY;
  let goneAway = false;
  /** Those that were not seen at their end yet, the oldest first, and since when they are under way. */
  const uploads = new Map<ClientHttp2Stream, number>();
  const outgoing = createOutgoingHeaders();
  session.on("remoteSettings", ({ maxConcurrentStreams }) => {
    maxInFlight = maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
  });
  session.on("error", () => {});
  session.on("goaway", () => {
    goneAway = true;
  });
  const timer = setInterval(() => {
    if (inFlight > 0) ping(session, watch.timeoutMs).catch((error: Error) => session.destroy(error));
  }, watch.everyMs).unref();
  session.once("close", () => clearInterval(timer));
  // Told a moment later, when it may be gone again.
  session.once("connect", () => session.destroyed || session.setLocalWindowSize(connectionWindowBytes));
  return {
    get usable() {
      return !goneAway && !session.closed && !session.destroyed;
    },
    get inFlight() {
      return inFlight;
    },
    get maxInFlight() {
      return maxInFlight;
    },
    isStuckFor(bodyBytes) {
      const sinceMs = oldestOf(uploads);
      if (sinceMs === undefined || performance.now() - sinceMs < stuckAfterMs) return false;
      // Time alone proves nothing: this process may have been busy.
      return (session.state.remoteWindowSize ?? Number.POSITIVE_INFINITY) <= bodyBytes;
    },
    request(request) {
      const { signal, body } = request;
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        let stream: ClientHttp2Stream;
        try {
          stream = session.request(outgoing(request), body === undefined ? bodiless : withBody);
        } catch (error) {
          return reject(new RequestUnprocessed(error));
        }
        inFlight += 1;
        if (body !== undefined) uploads.set(stream, performance.now());
        // Node's own option does the same, and costs as much as all the rest of a request.
        const onAbort = (): void => {
          stream.close(cancelled);
          stream.destroy(toError(signal?.reason));
        };
        signal?.addEventListener("abort", onAbort);
        // Stays attached for good: a reset after the answer is told here too.
        stream.on("error", (error) => reject(stream.rstCode === refusedStream ? new RequestUnprocessed(error) : error));
        let isAnswered = false;
        // Not "once", which costs more than all that they do; each comes once.
        stream.on("close", () => {
          inFlight -= 1;
          uploads.delete(stream);
          signal?.removeEventListener("abort", onAbort);
          // A reset with NO_ERROR or CANCEL makes no error event.
          if (!isAnswered) reject(new Error(`the stream was closed without an answer (HTTP/2 code ${stream.rstCode})`));
        });
        stream.on("response", (incoming) => {
          isAnswered = true;
          resolve({ status: Number(incoming[":status"]), headers: pairs(incoming), body: stream, protocol: "h2" });
        });
        if (body !== undefined) stream.end(body);
      });
    },
    ping: (timeoutMs) => ping(session, timeoutMs),
    destroy: () => session.destroy(),
  };
}

const bodiless = { endStream: true } as const;
const withBody = { endStream: false } as const;

function oldestOf(uploads: Map<ClientHttp2Stream, number>): number | undefined {
  for (const [stream, sinceMs] of uploads) {
    if (!stream.writableFinished) return sinceMs;
    uploads.delete(stream);
  }
  return undefined;
}

function pairs(incoming: Readonly<Record<string, string | number | readonly string[] | undefined>>): Header[] {
  const result: Header[] = [];
  for (const name in incoming) {
    const value = incoming[name];
    if (name.startsWith(":") || value === undefined) continue;
    if (typeof value === "object") for (const one of value) result.push([name, one]);
    else result.push([name, String(value)]);
  }
  return result;
}

function ping(session: ClientHttp2Session, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(new Error(`no PING came back within ${timeoutMs} ms`));
    // A machine that slept finds its timers expired and the answer unread, so what arrived is read first.
    const timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
    const settle = (error: Error | null, durationMs: number): void => {
      clearTimeout(timer);
      if (error === null) resolve(durationMs);
      else reject(error);
    };
    if (session.destroyed) return settle(new Error("the connection is closed"), 0);
    session.ping((error, durationMs) => settle(error, durationMs));
  });
}
