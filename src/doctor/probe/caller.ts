import { systemCodeOf, TsmcpError } from "../../core/errors.ts";
import { version } from "../../core/version.ts";
import { type ExchangeAnswer, exchange } from "../../net/exchange.ts";
import type { Header } from "../../net/http-message.ts";
import { plainText } from "../plain-text.ts";
import { endOf } from "../target.ts";
import type { Traffic } from "../traffic.ts";
import { type McpAnswer, readAnswer, watchForAnswer } from "./answer.ts";
import { type Disguise, disguiseHeaders, plainly } from "./disguise.ts";
import { initializeMessage, type McpMessage } from "./message.ts";
import { redirectedPath } from "./redirect.ts";
import type { Route } from "./route.ts";

/** What one request came to. */
export type Reply =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: readonly Header[];
      /** Undefined when the body holds no JSON-RPC answer to the request. */
      readonly answer: McpAnswer | undefined;
      readonly body: Buffer;
    }
  | {
      readonly kind: "failed";
      readonly layer: FailureLayer;
      readonly reason: string;
      /** Of an answer that broke off, or has no end. */
      readonly status?: number | undefined;
    }
  /** The server offers no HTTP/2, so that the request cannot be made. */
  | { readonly kind: "inapplicable"; readonly reason: string }
  /** Not sent; see `Traffic`. */
  | { readonly kind: "held"; readonly reason: string };

/** `closed`: the other end took the connection and ended it in the TLS handshake, as a relay with nothing behind does. */
export type FailureLayer = "proxy" | "name" | "connect" | "refused" | "closed" | "tls" | "http";

export interface Caller {
  readonly route: Route;
  readonly disguise: Disguise;
  /** The route to where redirects on the same host have led so far. */
  readonly settled: Route;
  post(message: McpMessage): Promise<Reply>;
  /** Asks for what lies at the route. */
  get(request: {
    readonly headers: readonly Header[];
    /** Told each piece of a body that may have no end; without it the head is all that is waited for. */
    readonly isWhole?: (piece: Buffer) => boolean;
    readonly timeoutMs?: number;
    /** As in an exchange. */
    readonly quietMs?: number;
  }): Promise<Reply>;
  /** Ends a session that this caller opened. */
  end(session: readonly Header[]): Promise<Reply>;
}

interface Sending {
  readonly method: string;
  readonly headers: readonly Header[];
  readonly message?: McpMessage;
  readonly isWhole?: ((piece: Buffer) => boolean) | undefined;
  readonly timeoutMs?: number | undefined;
  readonly quietMs?: number | undefined;
  readonly headOnly?: boolean;
  readonly isEnd?: boolean;
}

const requestTimeoutMs = 8_000;
/** A tool list of a thousand tools with schemas is about 1 MiB. */
export const maxAnswerBytes = 4 * 1024 * 1024;
const maxRedirects = 2;

/** Returns a caller that goes by `route`, disguised. */
export function createCaller(options: {
  readonly route: Route;
  readonly disguise: Disguise;
  readonly traffic: Traffic;
  readonly signal: AbortSignal;
}): Caller {
  const { route, disguise, traffic, signal } = options;
  let path = disguise.path ?? `${route.url.pathname}${route.url.search}`;

  const send = async (sending: Sending): Promise<Reply> => {
    const sent = await traffic.send({
      side: route.side,
      isForged: disguise !== plainly || sending.message?.isOdd === true,
      isEnd: sending.isEnd === true,
      work: () => attempt({ route, disguise, signal, path, sending }),
      ask: () => attempt({ route, disguise: plainly, signal, path: route.url.pathname, sending: plainSending }),
      outcomeOf: (reply) => ({
        status: reply.kind === "answered" ? reply.status : undefined,
        reached: reply.kind === "answered" || (reply.kind === "failed" && reply.layer === "http"),
      }),
    });
    return sent.kind === "held" ? sent : sent.answer;
  };

  return {
    route,
    disguise,
    get settled() {
      return { ...route, url: new URL(path, route.url) };
    },
    async post(message) {
      for (let redirects = 0; ; redirects++) {
        const sending = { method: message.httpMethod ?? "POST", headers: message.headers, message };
        const reply = await send(sending);
        const next = redirects < maxRedirects ? redirectedPath(reply, { route, disguise, path }) : undefined;
        if (next === undefined) return reply;
        path = next;
      }
    },
    get: ({ headers, isWhole, timeoutMs, quietMs }) =>
      send({ method: "GET", headers, isWhole, timeoutMs, quietMs, headOnly: isWhole === undefined }),
    end: (session) => send({ method: "DELETE", headers: session, isEnd: true }),
  };
}

const plainSending: Sending = { method: "POST", headers: [], message: initializeMessage() };

async function attempt(request: {
  readonly route: Route;
  readonly disguise: Disguise;
  readonly signal: AbortSignal;
  readonly path: string;
  readonly sending: Sending;
}): Promise<Reply> {
  const { route, disguise, signal, path, sending } = request;
  const { method, message } = sending;
  const id = message?.id;
  const isTls = route.url.protocol === "https:";
  try {
    const answer = await exchange({
      dial: () => route.open(signal),
      shared: route.shared,
      tls: isTls ? { servername: endOf(route.url).host, ca: route.ca } : undefined,
      protocol: disguise.protocol,
      authority: disguise.authority ?? route.url.host,
      ...(disguise.absolute === undefined ? {} : { target: `${route.url.protocol}//${disguise.absolute}${path}` }),
      method,
      path,
      headers: headersOf(request),
      ...(message === undefined ? {} : { body: message.body }),
      timeoutMs: sending.timeoutMs ?? requestTimeoutMs,
      maxBodyBytes: maxAnswerBytes,
      headOnly: sending.headOnly,
      quietMs: sending.quietMs,
      untilMessage: sending.isWhole ?? (id === undefined ? undefined : watchForAnswer(id, maxAnswerBytes)),
      signal,
    });
    return toReply(answer, id);
  } catch (error) {
    if (signal.aborted) throw error;
    return toFailure(error);
  }
}

function headersOf({ route, disguise, sending }: Parameters<typeof attempt>[0]): Header[] {
  const { headers, message } = sending;
  const { contentType = "application/json", accept = "application/json, text/event-stream" } = message ?? {};
  const framing: Header[] = [
    ...(contentType === "" ? [] : [["Content-Type", contentType] as const]),
    ...(accept === "" ? [] : [["Accept", accept] as const]),
  ];
  const names = disguise.headers.map(([name]) => name.toLowerCase());
  return [
    ...(names.includes("user-agent") ? [] : [["User-Agent", userAgent] as const]),
    ...(message === undefined ? [] : framing),
    ...headers,
    ...route.headers.map(({ name, value }): Header => [name, value]),
    ...disguiseHeaders(disguise),
  ];
}

/** Tells a server's owner who asked. */
export const userAgent = `tsmcp-doctor/${version}`;

function toReply(answer: ExchangeAnswer, id: number | undefined): Reply {
  if (answer.truncated) {
    return { kind: "failed", layer: "http", reason: `the answer is longer than ${maxAnswerBytes} bytes` };
  }
  return {
    kind: "answered",
    status: answer.status,
    headers: answer.headers,
    answer: id === undefined ? undefined : readAnswer(answer.body, id),
    body: answer.body,
  };
}

function toFailure(error: unknown): Reply {
  if (!(error instanceof TsmcpError)) throw error;
  const { layer } = error.facts;
  const reason = plainText(typeof error.facts.reason === "string" ? error.facts.reason : error.message);
  if (error.cause instanceof Error && error.cause.name === "NoHttp2") return { kind: "inapplicable", reason };
  const { status } = error.facts;
  const failed = { kind: "failed", layer: failureLayer(layer, error), reason } as const;
  return typeof status === "number" ? { ...failed, status } : failed;
}

function failureLayer(layer: unknown, error: TsmcpError): FailureLayer {
  const code = systemCodeOf(error.cause);
  if (layer === "connect") return code === "ECONNREFUSED" ? "refused" : "connect";
  if (layer === "tls") return error.cause === undefined || code === "ECONNRESET" || code === "EPIPE" ? "closed" : "tls";
  return layer === "proxy" || layer === "name" ? layer : "http";
}
