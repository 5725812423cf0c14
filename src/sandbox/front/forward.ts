import type { ClientRequest, IncomingMessage } from "node:http";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Backend } from "../../net/backend.ts";
import { type Socket, splice } from "../../net/tcp-server.ts";
import type { Http2Answer } from "../../net/web-server.ts";
import type { Http1Answer } from "./http1/answer.ts";
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

/** Where an answer goes: both kinds are written alike. */
export type Answering = Http2Answer | Http1Answer;

/** Hands a request on and its answer back. A backend that cannot be reached is an empty 502, one that breaks off breaks the client off. */
export function forward(body: Readable, answering: Answering, forwarded: Forwarded, isRepeated = false): void {
  const { backend, method, target, headers, hasBody } = forwarded;
  const request = backend.open({ method, target, headers });
  const abandon = (): void => void request.destroy();
  answering.once("close", abandon);
  body.once("error", abandon);
  request.on("error", () => {
    answering.off("close", abandon);
    leave(body, request);
    if (answering.headersSent) return void answering.destroy();
    const canRepeat = request.reusedSocket && !isRepeated && !hasBody && repeatable.includes(method);
    if (canRepeat && !answering.closed) return forward(body, answering, forwarded, true);
    answer(answering, 502, [["Content-Length", "0"]]);
  });
  request.once("response", (response) => {
    const isPacked = response.headers["content-encoding"] === "gzip" && asksForGzip(method, forwarded.clientHeaders);
    sendHead(answering, response, isPacked);
    // Go keeps no connection on which a request is still being written when its answer has ended.
    response.once("end", () => {
      if (!request.writableFinished) request.destroy();
      leave(body, request);
    });
    if (isPacked) pipeline(response, createGunzip(), answering, () => {});
    else pipeline(response, answering, () => {});
  });
  request.once("upgrade", (response, socket, head) => {
    if (!("take" in answering)) return void socket.destroy();
    passThrough(answering, response, { socket, head });
  });
  if (hasBody) body.pipe(request);
  else request.end();
}

/** What nobody takes any more is read all the same, so that the client's connection goes on. */
function leave(body: Readable, request: ClientRequest): void {
  body.unpipe(request);
  body.resume();
}

/** A backend that takes an `Upgrade` gets the raw connection. */
function passThrough(
  answering: Http1Answer,
  response: IncomingMessage,
  backend: { readonly socket: Socket; readonly head: Buffer },
): void {
  const upgrade = response.headers.upgrade;
  const kept: readonly (readonly [string, readonly string[]])[] = [
    ...responseHeaders(response, false),
    ["Connection", ["Upgrade"]],
    ...(upgrade === undefined ? [] : [["Upgrade", [upgrade]] as const]),
  ];
  const lines = kept.flatMap(([name, values]) => values.map((value) => `${name}: ${value}\r\n`)).join("");
  const client = answering.take();
  client.write(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`);
  client.write(backend.head);
  splice(client, backend.socket);
}

/** Answers what the front says by itself, as Go's `http.Error` does, or with no text at all. */
export function answer(answering: Answering, status: number, headers: readonly Header[], text = ""): void {
  answering.statusCode = status;
  for (const [name, value] of headers) answering.setHeader(name, value);
  answering.end(text);
}

/** Returns the headers of one of Go's own error texts. */
export function errorHeaders(text: string): readonly Header[] {
  return [
    ["Content-Type", "text/plain; charset=utf-8"],
    ["X-Content-Type-Options", "nosniff"],
    ["Content-Length", String(Buffer.byteLength(text))],
  ];
}

function sendHead(answering: Answering, response: IncomingMessage, isPacked: boolean): void {
  answering.statusCode = response.statusCode ?? 502;
  for (const [name, values] of responseHeaders(response, isPacked)) {
    answering.setHeader(name, values.length === 1 ? (values[0] ?? "") : values);
  }
  // A stream's head goes out before its first event.
  if ("flushHeaders" in answering) answering.flushHeaders();
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
