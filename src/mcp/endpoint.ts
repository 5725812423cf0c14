import type { Readable } from "node:stream";
import { isObject } from "../core/json-object.ts";
import type { StopSignal } from "../core/stop.ts";
import { discard } from "../net/discard.ts";
import type { Header, HttpResponse } from "../net/http-message.ts";
import { headerOf } from "../net/http-message.ts";
import { type Origin, type OriginRequest, RequestLost } from "../net/origin.ts";
import { createAccumulator } from "../streams/accumulator.ts";
import type { JsonObject } from "./json.ts";
import { createSseParser, type SseItem } from "./sse.ts";
import { striker } from "./struck.ts";

/** One MCP server over Streamable HTTP: what goes over the wire, without sessions or eras. */
export interface Endpoint {
  /**
   * `isBrief`: an answer or a notification, which must get through while calls take long. What the server says to it is
   * not read: it has nothing to say.
   */
  post(request: {
    body: Uint8Array;
    /** A frozen list is made ready once for all the requests that carry it. */
    headers: readonly Header[];
    signal?: StopSignal | undefined;
    isBrief?: boolean | undefined;
  }): Promise<Answer>;
  /** Opens the stream of the server's own messages, or resumes one. */
  listen(request: { headers: readonly Header[]; signal?: StopSignal | undefined }): Promise<Answer>;
  /** Ends a session. Returns the status. */
  delete(request: { headers: readonly Header[]; signal?: StopSignal | undefined }): Promise<number>;
}

export type Answer =
  /** 202: taken, and there is nothing to say. */
  | { readonly kind: "accepted"; readonly headers: readonly Header[] }
  /** One JSON text. */
  | { readonly kind: "json"; readonly bytes: Buffer; readonly headers: readonly Header[] }
  | { readonly kind: "stream"; readonly items: AsyncIterable<SseItem>; readonly headers: readonly Header[] }
  /** Anything that is not a success, with the text it may carry, and that as JSON where it is. */
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly text: string | undefined;
      readonly body: JsonObject | undefined;
      readonly headers: readonly Header[];
    }
  /** A success that is not MCP. */
  | { readonly kind: "foreign"; readonly status: number; readonly contentType: string };

/** A JSON answer of more bytes than allowed. */
export class AnswerTooLarge extends Error {
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super(`the answer is larger than ${maxBytes} bytes`);
    this.name = "AnswerTooLarge";
    this.maxBytes = maxBytes;
  }
}

/** A refusal's text is for people and for JSON-RPC errors. */
const maxRefusalBytes = 64 * 1024;

/** Python's first servers gave none. Source: python-sdk 1.8 `streamable_http_manager.py`. */
const textTypes: ReadonlySet<string> = new Set(["text/plain", ""]);

/** It comes with its head, or the server is one that never ends. */
const maxRefusalMs = 2_000;

/** Servers add or drop a slash; more than a few hops is a circle. */
const maxRedirects = 3;

/** Returns the endpoint at `path` (with its query) of `origin`. `headers` go with every request. */
export function createEndpoint(options: {
  readonly origin: Origin;
  /** `host:port`, to see that a redirect stays there. */
  readonly authority: string;
  readonly path: string;
  readonly headers: readonly Header[];
  readonly maxMessageBytes: number;
  /** Struck out of what the server says. */
  readonly secrets?: readonly string[] | undefined;
}): Endpoint {
  const reading: Reading = { maxBytes: options.maxMessageBytes, strike: striker(options.secrets ?? []) };
  let path = options.path;

  const ask = (request: Omit<OriginRequest, "target">): Promise<HttpResponse> =>
    options.origin.request({ ...request, target: path });
  const follow = async (first: HttpResponse, request: Omit<OriginRequest, "target">): Promise<HttpResponse> => {
    let response = first;
    for (let hop = 0; hop < maxRedirects && isRedirect(response); hop++) {
      const next = redirectPath(response, { authority: options.authority, path });
      if (next === undefined) break;
      discard(response.body);
      path = next;
      response = await ask(request);
    }
    return response;
  };
  const answerTo = async (request: Omit<OriginRequest, "target">): Promise<Answer> => {
    const first = await ask(request);
    const response = isRedirect(first) ? await follow(first, request) : first;
    if (request.isBrief === true && isSuccess(response)) return unread(response);
    return isJson(response)
      ? { kind: "json", headers: response.headers, bytes: await readJson(response, reading) }
      : readOther(response, reading);
  };
  const posted = new WeakMap<readonly Header[], readonly Header[]>();
  const headersOfPost = (headers: readonly Header[]): readonly Header[] => {
    const known = posted.get(headers);
    if (known !== undefined) return known;
    const all: readonly Header[] = [...postHeaders, ...headers, ...options.headers];
    if (Object.isFrozen(headers)) posted.set(headers, Object.freeze(all));
    return all;
  };
  return {
    post: ({ body, headers, signal, isBrief }) =>
      answerTo({ method: "POST", body, signal, isBrief, headers: headersOfPost(headers) }),
    listen: ({ headers, signal }) =>
      answerTo({
        method: "GET",
        signal,
        headers: [["accept", "text/event-stream"], ...headers, ...options.headers],
      }),
    async delete({ headers, signal }) {
      const request = { method: "DELETE", signal, headers: [...headers, ...options.headers], isBrief: true };
      const response = await follow(await ask(request), request);
      discard(response.body);
      return response.status;
    },
  };
}

const postHeaders: readonly Header[] = [
  ["content-type", "application/json"],
  ["accept", "application/json, text/event-stream"],
];

function isRedirect({ status }: HttpResponse): boolean {
  return status === 307 || status === 308;
}

/** By the status too: 202 and 204 have nothing to read, whatever they call it. */
function isJson({ status, headers }: HttpResponse): boolean {
  return status === 200 && mediaType(headers) === "application/json";
}

interface Reading {
  readonly maxBytes: number;
  readonly strike: (bytes: Buffer) => Buffer;
}

async function readOther(response: HttpResponse, reading: Reading): Promise<Answer> {
  const { status, headers, body } = response;
  const contentType = mediaType(headers);
  if (!isSuccess(response)) {
    const isJsonText = contentType.endsWith("json");
    const isText = isJsonText || textTypes.has(contentType);
    const text = isText ? await readRefusal(body, reading) : undefined;
    if (text === undefined) discard(body);
    return { kind: "refused", status, headers, text, body: isJsonText ? jsonObject(text ?? "") : undefined };
  }
  if (contentType === "text/event-stream") return { kind: "stream", headers, items: readStream(body, reading) };
  if (status === 202 || status === 204) {
    discard(body);
    return { kind: "accepted", headers };
  }
  if (contentType !== "application/json") {
    body.destroy();
    return { kind: "foreign", status, contentType };
  }
  return { kind: "json", headers, bytes: await readJson(response, reading) };
}

function isSuccess({ status }: HttpResponse): boolean {
  return status >= 200 && status <= 299;
}

/** Servers open streams even for what wants no answer: left alone, each would keep a connection busy. */
function unread({ status, headers, body }: HttpResponse): Answer {
  discard(body);
  if (status === 202 || status === 204) return { kind: "accepted", headers };
  return { kind: "foreign", status, contentType: mediaType(headers) };
}

async function readJson({ headers, body }: HttpResponse, { maxBytes, strike }: Reading): Promise<Buffer> {
  const said = Number(headerOf(headers, "content-length") ?? 0);
  return strike(await readWhole(body, maxBytes, said > 0 && said <= maxBytes ? said : 0));
}

async function readRefusal(body: Readable, { strike }: Reading): Promise<string | undefined> {
  const timer = setTimeout(() => body.destroy(), maxRefusalMs);
  try {
    return strike(await readWhole(body, maxRefusalBytes)).toString("utf8");
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the content type without its parameters. */
function mediaType(headers: readonly Header[]): string {
  const value = headerOf(headers, "content-type") ?? "";
  return value === "application/json" ? value : (value.split(";")[0]?.trim().toLowerCase() ?? "");
}

/** Returns the body; by its events, because iterating costs a short one more than all the rest of its way. */
function readWhole(body: Readable, maxBytes: number, expectedBytes = 0): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const whole = createAccumulator(expectedBytes);
    let isWhole = false;
    const onData = (chunk: Buffer): void => {
      if (whole.size + chunk.length > maxBytes) {
        reject(new AnswerTooLarge(maxBytes));
        body.destroy();
      } else whole.add(chunk);
    };
    const onEnd = (): void => {
      isWhole = true;
      resolve(whole.bytes());
    };
    const onClose = (): void => {
      if (!isWhole) reject(new RequestLost(body.errored ?? new Error("the answer broke off")));
    };
    // What was destroyed before tells nothing any more.
    if (body.destroyed) return onClose();
    // Not "once", which costs more than all that they do; each comes once.
    body.on("data", onData).on("end", onEnd).on("close", onClose);
  });
}

/** Yields what the stream brings, and fails as RequestLost where the connection does. */
async function* readStream(body: Readable, { maxBytes, strike }: Reading): AsyncGenerator<SseItem> {
  const parser = createSseParser({ maxEventBytes: maxBytes });
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await chunks.next().catch((error: unknown) => Promise.reject(new RequestLost(error)));
      if (done === true) return;
      for (const item of parser.push(value)) {
        yield item.kind === "event" ? { ...item, data: strike(item.data) } : item;
      }
    }
  } finally {
    await chunks.return?.();
  }
}

/**
 * Returns where a 307 or 308 leads, if that is on the same host and port. Only path and query are taken over: behind
 * Serve many servers believe that they are asked in plain HTTP, and say so.
 */
function redirectPath(
  response: HttpResponse,
  { authority, path }: { authority: string; path: string },
): string | undefined {
  const location = headerOf(response.headers, "location");
  if (location === undefined) return undefined;
  const base = `https://${authority}${path}`;
  if (!URL.canParse(location, base)) return undefined;
  const next = new URL(location, base);
  if (next.host !== new URL(base).host && `${next.hostname}:${next.port || "80"}` !== authority) return undefined;
  return `${next.pathname}${next.search}`;
}

function jsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
