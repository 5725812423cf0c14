import { messageOf, TsmcpError } from "../core/errors.ts";
import { untilAborted } from "../core/until-aborted.ts";
import { startDeadline } from "./deadline.ts";
import type { Socket } from "./dial.ts";
import { dialError } from "./dial-error.ts";
import type { HttpRequest, HttpResponse } from "./http-message.ts";
import type { Http1Pool } from "./http1.ts";
import type { Http2Connection } from "./http2.ts";
import type { Http2Pool } from "./http2-pool.ts";
import type { PreparedTls, TlsOptions } from "./tls.ts";

/** One server, asked many times over few connections. */
export interface Origin {
  /** True while a request would go out at once, over a connection that was in use of late. */
  readonly isOpen: boolean;
  /**
   * Opens a connection before it is needed, and sees whether one that rested lives. Throws what `dial` and `tlsOver` throw.
   */
  warm(): Promise<void>;
  /** Opens a connection if there is none, and sees whether it lives where that can be told. Throws as `warm` does. */
  stir(timeoutMs: number): Promise<void>;
  /**
   * Returns the head of the answer; throws `dial-failed` when there is no way to the server (nothing was sent), and
   * RequestLost when the connection broke after the request may have arrived.
   */
  request(request: OriginRequest): Promise<HttpResponse>;
  /** Ends every connection at once. */
  close(): void;
}

export type OriginRequest = Omit<HttpRequest, "scheme" | "authority">;

export interface OriginOptions {
  readonly scheme: "http" | "https";
  /** `Host` or `:authority`. */
  readonly authority: string;
  /** Opens one TCP stream to the server, by whichever way leads there now; `onWaiting` as in DialOptions. */
  readonly dial: (onWaiting?: () => void) => Promise<Socket>;
  readonly tls?: { readonly servername: string; readonly ca?: string | readonly string[] | undefined } | undefined;
  /** For the TLS handshake; the dial has its own limit. */
  readonly handshakeTimeoutMs: number;
  /** Bounds the pool where the server speaks HTTP/1.1. */
  readonly maxHttp1Connections: number;
  readonly rest?: Rest;
}

/** After how long an HTTP/2 connection may be dead without a word, and how long the proof that it lives may take. */
export interface Rest {
  readonly afterMs: number;
  readonly proofMs: number;
}

/** NAT bindings of UDP, and so WireGuard's, expire after thirty seconds; relays need some seconds to wake up. */
const usualRest: Rest = { afterMs: 30_000, proofMs: 5_000 };

/** The connection broke after the request went out: whether the server ran it is not known. */
export class RequestLost extends Error {
  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
    this.name = "RequestLost";
  }
}

type Wire = { readonly kind: "h2"; readonly pool: Http2Pool } | { readonly kind: "h1"; readonly pool: Http1Pool };

/** Returns the server as HTTP/2 over one connection, where ALPN agrees on it, else HTTP/1.1 over a small pool. */
export function openOrigin(options: OriginOptions): Origin {
  let wire: Wire | undefined;
  let opening: Promise<Wire> | undefined;
  let isClosed = false;
  let lastAskedAt = 0;
  let proving: Promise<void> | undefined;
  const { rest = usualRest } = options;

  /** HTTP/1.1 closes what rests. */
  const rested = (): Http2Pool | undefined => {
    const found = usable();
    return found?.kind === "h2" && performance.now() - lastAskedAt > rest.afterMs ? found.pool : undefined;
  };
  /** What is sent over a dead connection is lost; a PING does no harm. */
  const prove = async (pool: Http2Pool): Promise<void> => {
    await pool.ping(rest.proofMs).catch(() => pool.destroy());
    lastAskedAt = performance.now();
  };
  const usable = (): Wire | undefined => (wire?.kind === "h1" || wire?.pool.usable === true ? wire : undefined);
  const current = (): Promise<Wire> => {
    const found = usable();
    if (found !== undefined) return Promise.resolve(found);
    // Single flight: a hundred requests at once share one dial and its failure.
    opening ??= openWire(options)
      .then((opened) => {
        if (isClosed) endWire(opened);
        wire = opened;
        lastAskedAt = performance.now();
        return opened;
      })
      .finally(() => {
        opening = undefined;
      });
    return opening;
  };
  return {
    get isOpen() {
      return usable() !== undefined && rested() === undefined;
    },
    async warm() {
      const pool = rested();
      if (pool !== undefined) {
        proving ??= prove(pool).finally(() => {
          proving = undefined;
        });
        await proving;
      }
      await current();
    },
    async stir(timeoutMs) {
      const opened = await current();
      if (opened.kind !== "h2") return;
      await opened.pool.ping(timeoutMs);
      lastAskedAt = performance.now();
    },
    async request(request) {
      const { signal } = request;
      lastAskedAt = performance.now();
      const opened = usable() ?? (await (signal === undefined ? current() : untilAborted(current(), signal)));
      const message: HttpRequest = { ...request, scheme: options.scheme, authority: options.authority };
      try {
        if (opened.kind === "h2") return await opened.pool.request(message);
        const { requestHttp1 } = await import("./http1.ts");
        return await requestHttp1(message, { pool: opened.pool });
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        if (opened.kind === "h1") opened.pool.dropIdle();
        if (error instanceof TsmcpError) throw error;
        throw isUnprocessed(error) ? unprocessed(options.authority, error) : new RequestLost(error);
      }
    },
    close() {
      isClosed = true;
      if (wire !== undefined) endWire(wire);
      wire = undefined;
    },
  };
}

async function openWire(options: OriginOptions): Promise<Wire> {
  // Made ready while the other side is at work, which costs the start little.
  let preparing: Promise<PreparedTls> | undefined;
  const socket = await options.dial(() => {
    preparing ??= options.tls && prepare(options.tls);
    preparing?.catch(() => {});
  });
  if (options.tls === undefined) return openPool(options, socket);
  try {
    const prepared = await preparing;
    const onWaiting = (): void => void import("./http2.ts");
    const secured = await secure(socket, options, ["h2", "http/1.1"], { prepared, onWaiting });
    if (secured.protocol !== "h2") return await openPool(options, secured.socket);
    const { createHttp2Pool } = await import("./http2-pool.ts");
    const first = await openHttp2On(secured.socket);
    return { kind: "h2", pool: createHttp2Pool(first, () => openAnother(options)) };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function prepare(tls: NonNullable<OriginOptions["tls"]>): Promise<PreparedTls> {
  return (await import("./tls.ts")).prepareTls(tls);
}

async function openAnother(options: OriginOptions): Promise<Http2Connection> {
  const socket = await options.dial();
  try {
    const secured = await secure(socket, options, ["h2"]);
    if (secured.protocol !== "h2") throw new Error("the server speaks HTTP/2 no more");
    return await openHttp2On(secured.socket);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function openHttp2On(socket: Socket): Promise<Http2Connection> {
  const { openHttp2 } = await import("./http2.ts");
  return openHttp2(socket);
}

async function secure(
  socket: Socket,
  { tls, handshakeTimeoutMs }: OriginOptions,
  alpn: readonly string[],
  early: Pick<TlsOptions, "prepared" | "onWaiting"> = {},
) {
  const { tlsOver } = await import("./tls.ts");
  const deadline = startDeadline({ timeoutMs: handshakeTimeoutMs });
  try {
    return await tlsOver(socket, { servername: "", ...tls, ...early, alpn, signal: deadline.signal });
  } finally {
    deadline.stop();
  }
}

async function openPool(options: OriginOptions, first: Socket): Promise<Wire> {
  const { createHttp1Pool } = await import("./http1.ts");
  let unused: Socket | undefined = first;
  const open = async (): Promise<Socket> => {
    const socket = unused;
    unused = undefined;
    if (socket !== undefined && !socket.destroyed) return socket;
    const dialed = await options.dial();
    if (options.tls === undefined) return dialed;
    return (await secure(dialed, options, ["http/1.1"])).socket;
  };
  const pool = await createHttp1Pool({ maxConnections: options.maxHttp1Connections, open });
  return {
    kind: "h1",
    pool: {
      ...pool,
      close() {
        unused?.destroy();
        pool.close();
      },
    },
  };
}

/** By name: the class is in a module that is loaded only for servers of HTTP/2. */
function isUnprocessed(error: unknown): error is Error {
  return error instanceof Error && error.name === "RequestUnprocessed";
}

function unprocessed(target: string, cause: Error): TsmcpError {
  const reason = `the request was turned away unread: ${cause.message}`;
  return dialError({ layer: "connect", reason, target, cause });
}

function endWire(wire: Wire): void {
  if (wire.kind === "h2") wire.pool.destroy();
  else wire.pool.close();
}
