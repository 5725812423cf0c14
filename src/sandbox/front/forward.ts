import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Backend } from "../../net/backend.ts";
import type { WebRequest, WebResponse } from "../../net/web-server.ts";
import { asksForGzip, canonicalName, hopByHop } from "./request-headers.ts";

type Header = readonly [name: string, value: string];

/** What goes to a backend in a client's name. */
export interface Forwarded {
  readonly backend: Backend;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly Header[];
  readonly clientHeaders: readonly Header[];
  readonly hasBody: boolean;
}

/** Methods that Go repeats on a new connection when a kept one turns out dead. Source: Go `net/http` isReplayable. */
const repeatable = ["GET", "HEAD", "OPTIONS", "TRACE"];

/** Hands a request on and its answer back. A backend that cannot be reached is an empty 502, one that breaks off breaks the client off. */
export function forward(incoming: WebRequest, outgoing: WebResponse, forwarded: Forwarded, isRepeated = false): void {
  const { backend, method, target, headers, hasBody } = forwarded;
  const request = backend.open({ method, target, headers });
  const abandon = (): void => void request.destroy();
  outgoing.once("close", abandon);
  request.on("error", () => {
    outgoing.off("close", abandon);
    if (outgoing.headersSent) return void outgoing.destroy();
    const canRepeat = request.reusedSocket && !isRepeated && !hasBody && repeatable.includes(method);
    if (canRepeat && !outgoing.closed) return forward(incoming, outgoing, forwarded, true);
    incoming.unpipe();
    incoming.resume();
    answer(outgoing, 502, [["Content-Length", "0"]]);
  });
  request.once("response", (response) => {
    const isPacked = response.headers["content-encoding"] === "gzip" && asksForGzip(method, forwarded.clientHeaders);
    sendHead(outgoing, response, isPacked);
    if (isPacked) pipeline(response, createGunzip(), outgoing, () => {});
    else pipeline(response, outgoing, () => {});
  });
  if (hasBody) incoming.pipe(request);
  else request.end();
}

/** Answers what the front says by itself, as Go's `http.Error` does, or with no text at all. */
export function answer(outgoing: WebResponse, status: number, headers: readonly Header[], text = ""): void {
  outgoing.statusCode = status;
  for (const [name, value] of headers) outgoing.setHeader(name, value);
  plainConnection(outgoing);
  outgoing.end(text);
}

/** Returns the headers of one of Go's own error texts. */
export function errorHeaders(text: string): readonly Header[] {
  return [
    ["Content-Type", "text/plain; charset=utf-8"],
    ["X-Content-Type-Options", "nosniff"],
    ["Content-Length", String(Buffer.byteLength(text))],
  ];
}

function sendHead(outgoing: WebResponse, response: IncomingMessage, isPacked: boolean): void {
  outgoing.statusCode = response.statusCode ?? 502;
  for (const [name, values] of responseHeaders(response, isPacked)) {
    outgoing.setHeader(name, values.length === 1 ? (values[0] ?? "") : values);
  }
  plainConnection(outgoing);
  // A stream's head goes out before its first event.
  if ("flushHeaders" in outgoing) outgoing.flushHeaders();
}

/** Go says nothing of keeping a connection, which HTTP/1.1 keeps anyway. */
function plainConnection(outgoing: WebResponse): void {
  if (!("stream" in outgoing)) outgoing.removeHeader("connection");
}

export function responseHeaders(response: IncomingMessage, isPacked: boolean): Map<string, string[]> {
  const named = (response.headers.connection ?? "").split(",").map((token) => canonicalName(token.trim()));
  const gone = new Set([...named, ...hopByHop, ...(isPacked ? ["Content-Encoding", "Content-Length"] : [])]);
  const kept = new Map<string, string[]>();
  for (let at = 0; at + 1 < response.rawHeaders.length; at += 2) {
    const name = canonicalName(response.rawHeaders[at] ?? "");
    if (!gone.has(name)) kept.set(name, [...(kept.get(name) ?? []), response.rawHeaders[at + 1] ?? ""]);
  }
  return kept;
}
