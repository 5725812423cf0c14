import type { Duplex, Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { messageOf, TsmcpError } from "../core/errors.ts";
import type { CertificateSummary } from "./certificate.ts";
import { type Deadline, startDeadline } from "./deadline.ts";
import type { Socket } from "./dial.ts";
import type { Header, HttpRequest, HttpResponse } from "./http-message.ts";
import type { SharedConnection, SharedHttp2 } from "./shared-connection.ts";

/** One request, written exactly as told: probes must be able to lie. */
export interface ExchangeRequest {
  readonly dial: () => Promise<Socket>;
  /** Goes out here in the place of a connection of its own, where the server speaks HTTP/2 and `protocol` is not `h1`. */
  readonly shared?: SharedConnection | undefined;
  readonly tls?: { readonly servername: string; readonly ca?: string | readonly string[] | undefined } | undefined;
  /** `auto` is what ALPN agrees on; `h2` without TLS is not offered. */
  readonly protocol: "h1" | "h1.0" | "h2" | "auto";
  /** `Host` or `:authority`, where it is to differ from the server name. Needed without TLS. */
  readonly authority?: string | undefined;
  /** The raw request-target or `:path`, where it is to differ from `path`. */
  readonly target?: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly Header[];
  readonly body?: string | Uint8Array | undefined;
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  /** True when the answer is whole with this piece, for streams that stay open; asked once with each piece of the body. */
  readonly untilMessage?: ((piece: Buffer) => boolean) | undefined;
  /** How long a body may say nothing at first before its head is taken for the whole answer. */
  readonly quietMs?: number | undefined;
  /** Whether the head of the answer is enough, as for a stream that says nothing yet. */
  readonly headOnly?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: Buffer;
  /** True when there was more than `maxBodyBytes`. */
  readonly truncated: boolean;
  readonly protocol: "h1" | "h2";
  readonly certificate?: CertificateSummary | undefined;
}

/**
 * Returns the server's answer to one request; redirects are answers like any other. A connection of its own is closed whatever happens.
 * Throws what `dial` throws, `dial-failed` of the layer `tls`, and `http-failed` (facts: `layer: "http"`, `reason`, `status` when there was
 * one) when the answer breaks off or is not whole within `timeoutMs`.
 */
export async function exchange(request: ExchangeRequest): Promise<ExchangeAnswer> {
  const deadline = startDeadline(request);
  let socket: Socket | undefined;
  let status: number | undefined;
  let answered: HttpResponse | undefined;
  try {
    const shared = await deadline.race(openShared(request));
    if (shared !== undefined) {
      answered = await shared.connection.request(toMessage(request, deadline.signal));
      status = answered.status;
      const { body, truncated } = await readBody(answered.body, request, deadline);
      return { status, headers: answered.headers, body, truncated, protocol: "h2", certificate: shared.certificate };
    }
    const dialing = request.dial();
    // A dial that is done after the time is up belongs to nobody else.
    dialing.then(
      (late) => deadline.signal.aborted && late.destroy(),
      () => {},
    );
    socket = await deadline.race(dialing);
    const { response, certificate } = await send(socket, request, deadline);
    status = response.status;
    const { body, truncated } = await readBody(response.body, request, deadline);
    return { status, headers: response.headers, body, truncated, protocol: response.protocol, certificate };
  } catch (error) {
    if (deadline.signal.aborted && !deadline.expired) throw deadline.signal.reason;
    if (error instanceof TsmcpError && !deadline.expired) throw error;
    throw httpError(request, { reason: deadline.expired ? timeoutReason(request) : messageOf(error), status, error });
  } finally {
    deadline.stop();
    answered?.body.destroy();
    socket?.destroy();
  }
}

function openShared({ shared, protocol, tls }: ExchangeRequest): Promise<SharedHttp2 | undefined> {
  if (shared === undefined || tls === undefined || protocol === "h1" || protocol === "h1.0") {
    return Promise.resolve(undefined);
  }
  return shared.open();
}

async function send(
  socket: Socket,
  request: ExchangeRequest,
  deadline: Deadline,
): Promise<{ response: HttpResponse; certificate: CertificateSummary | undefined }> {
  const { tls, protocol } = request;
  const message = toMessage(request, deadline.signal);
  const http1 = protocol === "h1.0" ? "h1.0" : "h1";
  if (tls === undefined) return { response: await sendOn(socket, message, http1), certificate: undefined };
  const alpn = { h1: ["http/1.1"], "h1.0": ["http/1.1"], h2: ["h2"], auto: ["h2", "http/1.1"] }[protocol];
  const [{ tlsOver }, { certificateOf }] = await Promise.all([import("./tls.ts"), import("./certificate.ts")]);
  const secured = await tlsOver(socket, { ...tls, alpn, signal: deadline.signal });
  if (protocol === "h2" && secured.protocol !== "h2") throw new NoHttp2();
  const certificate = certificateOf(secured.socket);
  return { response: await sendOn(secured.socket, message, secured.protocol === "h2" ? "h2" : http1), certificate };
}

/** What was asked for in HTTP/2 alone cannot be asked of this server. */
export class NoHttp2 extends Error {
  constructor() {
    super("the server does not speak HTTP/2");
    this.name = "NoHttp2";
  }
}

async function sendOn(socket: Duplex, message: HttpRequest, protocol: "h1" | "h1.0" | "h2"): Promise<HttpResponse> {
  if (protocol === "h1") return (await import("./http1.ts")).requestHttp1(message, { socket });
  if (protocol === "h1.0") {
    const [{ requestHttp1 }, { speakHttp10 }] = await Promise.all([import("./http1.ts"), import("./http10.ts")]);
    return requestHttp1(message, { socket: speakHttp10(socket) });
  }
  const { openHttp2 } = await import("./http2.ts");
  return openHttp2(socket).request(message);
}

function toMessage(request: ExchangeRequest, signal: AbortSignal): HttpRequest {
  const { tls, body } = request;
  return {
    method: request.method,
    scheme: tls === undefined ? "http" : "https",
    authority: request.authority ?? tls?.servername ?? "localhost",
    target: request.target ?? request.path,
    headers: request.headers,
    body: typeof body === "string" ? Buffer.from(body, "utf8") : body,
    signal,
  };
}

async function readBody(
  body: Readable,
  { maxBodyBytes, untilMessage, headOnly, quietMs }: ExchangeRequest,
  deadline: Deadline,
): Promise<{ body: Buffer; truncated: boolean }> {
  if (headOnly === true) return { body: Buffer.alloc(0), truncated: false };
  const chunks: Buffer[] = [];
  let size = 0;
  if (quietMs !== undefined && (await isQuietFor(body, quietMs))) return { body: Buffer.alloc(0), truncated: false };
  for await (const chunk of body) {
    if (deadline.signal.aborted) break;
    const bytes: Buffer = Buffer.from(chunk);
    chunks.push(bytes);
    size += bytes.length;
    if (size > maxBodyBytes) return { body: Buffer.concat(chunks).subarray(0, maxBodyBytes), truncated: true };
    if (untilMessage?.(bytes) === true) break;
    // A large body in crumbs would else leave no timer a turn.
    if (chunks.length % chunksPerTurn === 0) await nextTurn();
  }
  if (deadline.signal.aborted) throw deadline.signal.reason;
  return { body: Buffer.concat(chunks), truncated: false };
}

const chunksPerTurn = 64;

/** Whether nothing comes, not even the end, for so long. */
function isQuietFor(body: Readable, quietMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish(true), quietMs);
    const speaks = (): void => finish(false);
    const finish = (isQuiet: boolean): void => {
      clearTimeout(timer);
      for (const event of signsOfLife) body.off(event, speaks);
      resolve(isQuiet);
    };
    for (const event of signsOfLife) body.once(event, speaks);
  });
}

const signsOfLife = ["readable", "end", "error", "close"] as const;

function timeoutReason({ timeoutMs }: ExchangeRequest): string {
  return `no whole answer within ${timeoutMs} ms`;
}

function httpError(
  request: ExchangeRequest,
  { reason, status, error }: { reason: string; status: number | undefined; error: unknown },
): TsmcpError {
  const where = request.authority ?? request.tls?.servername ?? "the server";
  return new TsmcpError({
    code: "http-failed",
    message: `${request.method} ${request.target ?? request.path} at ${where}: ${reason}`,
    hint: "check that an MCP server answers at this address",
    facts: { layer: "http", reason, ...(status === undefined ? {} : { status }) },
    cause: error,
  });
}
