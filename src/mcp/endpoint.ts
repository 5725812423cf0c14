import type { Readable } from "node:stream";
import type { Header, HttpResponse } from "../net/http-message.ts";
import { headerOf } from "../net/http-message.ts";
import { type Origin, RequestLost } from "../net/origin.ts";
import { createAccumulator } from "../streams/accumulator.ts";
import { isObject, type JsonObject } from "./json.ts";
import { createSseParser, type SseItem } from "./sse.ts";

/** One MCP server over Streamable HTTP: what goes over the wire, without sessions or eras. */
export interface Endpoint {
  /** `isBrief`: an answer or a notification, which must get through while calls take long. */
  post(request: {
    body: Uint8Array;
    headers: readonly Header[];
    signal?: AbortSignal | undefined;
    isBrief?: boolean | undefined;
  }): Promise<Answer>;
  /** Opens the stream of the server's own messages, or resumes one. */
  listen(request: { headers: readonly Header[]; signal?: AbortSignal | undefined }): Promise<Answer>;
  /** Ends a session. Returns the status. */
  delete(request: { headers: readonly Header[]; signal?: AbortSignal | undefined }): Promise<number>;
}

export type Answer =
  /** 202: taken, and there is nothing to say. */
  | { readonly kind: "accepted"; readonly headers: readonly Header[] }
  /** One JSON text. */
  | { readonly kind: "json"; readonly bytes: Buffer; readonly headers: readonly Header[] }
  | { readonly kind: "stream"; readonly items: AsyncIterable<SseItem>; readonly headers: readonly Header[] }
  /** Anything that is not a success, with the JSON it may carry. */
  | {
      readonly kind: "refused";
      readonly status: number;
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
}): Endpoint {
  let path = options.path;

  const ask = async (request: {
    method: string;
    headers: readonly Header[];
    body?: Uint8Array;
    signal?: AbortSignal | undefined;
    isBrief?: boolean | undefined;
  }): Promise<HttpResponse> => {
    for (let hop = 0; ; hop++) {
      const headers = [...request.headers, ...options.headers];
      const response = await options.origin.request({ ...request, headers, target: path });
      const next = redirectPath(response, { authority: options.authority, path });
      if (next === undefined || hop === maxRedirects) return response;
      response.body.resume();
      path = next;
    }
  };
  const toAnswer = (response: HttpResponse): Promise<Answer> => readAnswer(response, options.maxMessageBytes);
  return {
    post: async ({ body, headers, signal, isBrief }) =>
      toAnswer(
        await ask({
          method: "POST",
          body,
          signal,
          isBrief,
          headers: [
            ["content-type", "application/json"],
            ["accept", "application/json, text/event-stream"],
            ...headers,
          ],
        }),
      ),
    listen: async ({ headers, signal }) =>
      toAnswer(await ask({ method: "GET", signal, headers: [["accept", "text/event-stream"], ...headers] })),
    async delete({ headers, signal }) {
      const response = await ask({ method: "DELETE", signal, headers, isBrief: true });
      response.body.resume();
      return response.status;
    },
  };
}

async function readAnswer(response: HttpResponse, maxMessageBytes: number): Promise<Answer> {
  const { status, headers, body } = response;
  const contentType = (headerOf(headers, "content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (status < 200 || status > 299) {
    const text = contentType.endsWith("json")
      ? await readWhole(body, maxRefusalBytes).catch(() => undefined)
      : undefined;
    if (text === undefined) body.resume();
    return { kind: "refused", status, headers, body: text && jsonObject(text) };
  }
  if (contentType === "text/event-stream") return { kind: "stream", headers, items: readStream(body, maxMessageBytes) };
  if (status === 202 || status === 204) {
    body.resume();
    return { kind: "accepted", headers };
  }
  if (contentType !== "application/json") {
    body.destroy();
    return { kind: "foreign", status, contentType };
  }
  return { kind: "json", headers, bytes: await readWhole(body, maxMessageBytes) };
}

/** Returns the body; by its events, because iterating costs a short one more than all the rest of its way. */
function readWhole(body: Readable, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const whole = createAccumulator();
    const onData = (chunk: Buffer): void => {
      if (whole.size + chunk.length > maxBytes) {
        reject(new AnswerTooLarge(maxBytes));
        body.destroy();
      } else whole.add(chunk);
    };
    const onEnd = (): void => {
      body.off("close", onClose);
      resolve(whole.bytes());
    };
    const onClose = (): void => reject(new RequestLost(body.errored ?? new Error("the answer broke off")));
    // What was destroyed before tells nothing any more.
    if (body.destroyed) return onClose();
    body.on("data", onData).once("end", onEnd).once("close", onClose);
  });
}

/** Yields what the stream brings, and fails as RequestLost where the connection does. */
async function* readStream(body: Readable, maxEventBytes: number): AsyncGenerator<SseItem> {
  const parser = createSseParser({ maxEventBytes });
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await chunks.next().catch((error: unknown) => Promise.reject(new RequestLost(error)));
      if (done === true) return;
      for (const item of parser.push(value)) yield item;
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
  if ((response.status !== 307 && response.status !== 308) || location === undefined) return undefined;
  const base = `https://${authority}${path}`;
  if (!URL.canParse(location, base)) return undefined;
  const next = new URL(location, base);
  if (next.host !== new URL(base).host && `${next.hostname}:${next.port || "80"}` !== authority) return undefined;
  return `${next.pathname}${next.search}`;
}

function jsonObject(text: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text.toString("utf8"));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
