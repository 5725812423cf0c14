import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { Stop, type StopSignal } from "../core/stop.ts";

/**
 * The answer to one POST: plain JSON, unless there is something to say before it is whole. Then it is a stream, in which
 * the answer is the last event. Or a stream from the start, for GET and for callers that take nothing else.
 */
export interface Reply {
  /** Aborted when the caller has gone, or does not read what it is sent. */
  readonly signal: StopSignal;
  readonly isStreaming: () => boolean;
  /** Says something before the end; nothing where the caller takes no stream. */
  event(json: string, eventId?: string): void;
  /** Says the last thing, and ends. */
  finish(status: number, json?: string): void;
  /** Ends a stream without a last word, or the connection where nothing was said. */
  cut(): void;
}

/** A reason of its own: the default is an error with a stack, made anew each time. */
const callerGone = "the caller has gone";

/** What a caller that reads slower than its server talks may leave unread: more is no stream but a leak. */
const maxUnreadBytes = 16 * 1024 * 1024;

/** Shorter than the idle limits of proxies on the way; a caller that vanished shows itself by it. */
const heartbeatMs = 15_000;

export function createReply(
  response: ServerResponse,
  options: {
    readonly takesStream: boolean;
    readonly begin: "json" | "stream";
    readonly headers?: Readonly<Record<string, string>>;
  },
): Reply {
  const { takesStream, begin, headers } = options;
  const gone = new Stop();
  let streaming = false;
  let ended = false;
  let timer: NodeJS.Timeout | undefined;

  const stop = (): void => {
    ended = true;
    clearTimeout(timer);
  };
  const abandon = (): void => {
    if (ended) return;
    stop();
    gone.abort(callerGone);
  };
  const beat = (): void => {
    if (!streaming) start();
    write(heartbeat);
    timer = setTimeout(beat, heartbeatMs).unref();
  };
  const start = (): void => {
    streaming = true;
    response.writeHead(200, { ...streamHeaders, ...headers });
    response.flushHeaders();
  };
  const write = (chunk: string): void => {
    response.write(chunk);
    if (response.writableLength <= maxUnreadBytes) return;
    response.destroy();
    abandon();
  };
  response.once("close", abandon);
  response.on("error", abandon);
  if (begin === "stream") start();
  if (takesStream) timer = setTimeout(beat, heartbeatMs).unref();
  return {
    signal: gone,
    isStreaming: () => streaming,
    event(json, eventId) {
      if (ended || !takesStream) return;
      if (!streaming) start();
      write(eventText(json, eventId));
    },
    finish(status, json) {
      if (ended) return;
      stop();
      if (streaming) {
        if (json !== undefined) response.write(eventText(json, undefined));
        response.end();
        return;
      }
      sendPlain(response, { status, body: json, headers });
    },
    cut() {
      if (ended) return;
      stop();
      gone.abort(callerGone);
      if (streaming) response.end();
      else response.destroy();
    },
  };
}

/** Sends a whole answer. */
export function sendPlain(
  response: ServerResponse,
  answer: {
    readonly status: number;
    /** Text goes out in one piece with the head, which bytes do not. */
    readonly body?: string | Buffer | undefined;
    readonly headers?: Readonly<Record<string, string>> | undefined;
  },
): void {
  const { status, body, headers } = answer;
  if (response.headersSent || response.destroyed) return;
  const own: OutgoingHttpHeaders =
    body === undefined
      ? { "content-length": "0", "cache-control": "no-store" }
      : {
          "content-type": "application/json",
          "cache-control": "no-store",
          "content-length": Buffer.byteLength(body),
        };
  response.writeHead(status, headers === undefined ? own : Object.assign(own, headers)).end(body);
}

const streamHeaders = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};
const heartbeat = ":\n\n";

/** JSON that we write has no line breaks of its own. */
function eventText(json: string, eventId: string | undefined): string {
  const id = eventId === undefined ? "" : `id: ${eventId}\n`;
  return `${id}event: message\ndata: ${json}\n\n`;
}
