import { systemCodeOf, TsmcpError } from "../../core/errors.ts";
import { version } from "../../core/version.ts";
import { type ExchangeAnswer, exchange } from "../../net/exchange.ts";
import { type Header, headerOf } from "../../net/http-message.ts";
import { plainText } from "../plain-text.ts";
import { endOf } from "../target.ts";
import type { Traffic } from "../traffic.ts";
import { type McpAnswer, readAnswer } from "./answer.ts";
import { type Disguise, disguiseHeaders } from "./disguise.ts";
import type { McpMessage } from "./message.ts";
import type { Route } from "./route.ts";

/** What one request came to. */
export type Reply =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: readonly Header[];
      /** Undefined when the body holds no JSON-RPC answer to the request. */
      readonly answer: McpAnswer | undefined;
    }
  | { readonly kind: "failed"; readonly layer: FailureLayer; readonly reason: string }
  /** Not sent; see `Traffic`. */
  | { readonly kind: "held"; readonly reason: string };

/** `closed`: the other end took the connection and ended it in the TLS handshake, as a relay with nothing behind does. */
export type FailureLayer = "proxy" | "name" | "connect" | "refused" | "closed" | "tls" | "http";

export interface Caller {
  readonly route: Route;
  readonly disguise: Disguise;
  post(message: McpMessage): Promise<Reply>;
  /** Ends a session that this caller opened. */
  end(session: readonly Header[]): Promise<Reply>;
}

const requestTimeoutMs = 8_000;
/** A tool list of a thousand tools with schemas is about 1 MiB. */
const maxAnswerBytes = 4 * 1024 * 1024;
const maxRedirects = 2;

/** Returns a caller that goes by `route`, disguised. */
export function createCaller(options: {
  readonly route: Route;
  readonly disguise: Disguise;
  readonly traffic: Traffic;
  readonly signal: AbortSignal;
}): Caller {
  const { route, disguise, traffic, signal } = options;
  let path = `${route.url.pathname}${route.url.search}`;

  const send = async (method: "POST" | "DELETE", headers: readonly Header[], message?: McpMessage): Promise<Reply> => {
    const sent = await traffic.send(
      route.side,
      () => attempt({ route, disguise, signal, method, headers, path, ...(message === undefined ? {} : { message }) }),
      (reply) => (reply.kind === "answered" ? reply.status : undefined),
    );
    return sent.kind === "held" ? sent : sent.answer;
  };

  return {
    route,
    disguise,
    async post(message) {
      for (let redirects = 0; ; redirects++) {
        const reply = await send("POST", message.headers, message);
        const next = redirects < maxRedirects ? redirectedPath(reply, route, disguise) : undefined;
        if (next === undefined) return reply;
        path = next;
      }
    },
    end: (session) => send("DELETE", session),
  };
}

async function attempt(request: {
  readonly route: Route;
  readonly disguise: Disguise;
  readonly signal: AbortSignal;
  readonly method: "POST" | "DELETE";
  readonly headers: readonly Header[];
  readonly path: string;
  readonly message?: McpMessage;
}): Promise<Reply> {
  const { route, disguise, signal, method, path, message } = request;
  const id = message?.id;
  const isTls = route.url.protocol === "https:";
  try {
    const answer = await exchange({
      dial: () => route.open(signal),
      tls: isTls ? { servername: endOf(route.url).host, ca: route.ca } : undefined,
      protocol: disguise.protocol,
      authority: disguise.authority ?? route.url.host,
      ...(disguise.absolute === undefined ? {} : { target: `${route.url.protocol}//${disguise.absolute}${path}` }),
      method,
      path,
      headers: headersOf(request),
      ...(message === undefined ? {} : { body: message.body }),
      timeoutMs: requestTimeoutMs,
      maxBodyBytes: maxAnswerBytes,
      untilMessage: (bytes) => id !== undefined && readAnswer(bytes, id) !== undefined,
      signal,
    });
    return toReply(answer, id);
  } catch (error) {
    if (signal.aborted) throw error;
    return toFailure(error);
  }
}

function headersOf({ route, disguise, headers, message }: Parameters<typeof attempt>[0]): Header[] {
  return [
    ["User-Agent", userAgent],
    ...(message === undefined
      ? []
      : ([
          ["Content-Type", "application/json"],
          ["Accept", "application/json, text/event-stream"],
        ] as const)),
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
  };
}

function toFailure(error: unknown): Reply {
  if (!(error instanceof TsmcpError)) throw error;
  const { layer } = error.facts;
  const reason = plainText(typeof error.facts.reason === "string" ? error.facts.reason : error.message);
  return { kind: "failed", layer: failureLayer(layer, error), reason };
}

function failureLayer(layer: unknown, error: TsmcpError): FailureLayer {
  const code = systemCodeOf(error.cause);
  if (layer === "connect") return code === "ECONNREFUSED" ? "refused" : "connect";
  if (layer === "tls") return error.cause === undefined || code === "ECONNRESET" || code === "EPIPE" ? "closed" : "tls";
  return layer === "proxy" || layer === "name" ? layer : "http";
}

/** A redirect to another place of the same server: `/mcp` to `/mcp/`. Anywhere else is not followed. */
function redirectedPath(reply: Reply, route: Route, disguise: Disguise): string | undefined {
  if (reply.kind !== "answered" || (reply.status !== 307 && reply.status !== 308)) return undefined;
  const location = headerOf(reply.headers, "location");
  if (location === undefined || !URL.canParse(location, route.url.href)) return undefined;
  const next = new URL(location, route.url);
  // A server that believes the forged name redirects to it; the connection still goes to the real one.
  const names = [route.url.host, disguise.authority, disguise.absolute].map((name) => name?.toLowerCase());
  return names.includes(next.host) ? `${next.pathname}${next.search}` : undefined;
}
