import { TsmcpError } from "../core/errors.ts";
import type { CertificateSummary } from "./certificate.ts";
import { startDeadline } from "./deadline.ts";
import type { Socket } from "./dial.ts";
import type { Http2Connection } from "./http2.ts";

/** One HTTP/2 connection that many exchanges share, opened when the first of them wants it. */
export interface SharedConnection {
  /** Returns the connection, or undefined where the server agrees on no HTTP/2. Throws what `dial` and `tlsOver` throw. */
  open(): Promise<SharedHttp2 | undefined>;
  close(): void;
}

export interface SharedHttp2 {
  readonly connection: Http2Connection;
  readonly certificate: CertificateSummary | undefined;
}

/** The first packets of a connection can be lost on the way (tailscale/tailscale#19791): another is made before long. */
const firstHandshakeMs = 3_000;
const handshakeMs = 8_000;

/**
 * Returns the connection to one server, verified for its name. One that broke is opened again; after the server agreed
 * on no HTTP/2 it is not asked again.
 */
export function shareConnection(options: {
  readonly dial: () => Promise<Socket>;
  readonly tls: { readonly servername: string; readonly ca?: string | readonly string[] | undefined };
  readonly signal: AbortSignal;
}): SharedConnection {
  const { dial, tls, signal } = options;
  let opening: Promise<SharedHttp2 | undefined> | undefined;
  let opened: SharedHttp2 | undefined;

  const connect = async (handshakeTimeoutMs: number): Promise<SharedHttp2 | undefined> => {
    const [{ tlsOver }, { certificateOf }, { openHttp2 }] = await Promise.all([
      import("./tls.ts"),
      import("./certificate.ts"),
      import("./http2.ts"),
    ]);
    const socket = await dial();
    const deadline = startDeadline({ signal, timeoutMs: handshakeTimeoutMs });
    const secured = await tlsOver(socket, { ...tls, alpn: ["h2", "http/1.1"], signal: deadline.signal }).finally(() =>
      deadline.stop(),
    );
    if (secured.protocol !== "h2") {
      secured.socket.destroy();
      return undefined;
    }
    const certificate = certificateOf(secured.socket);
    opened = { connection: openHttp2(secured.socket), certificate };
    return opened;
  };
  const close = (): void => opened?.connection.destroy();
  signal.addEventListener("abort", close, { once: true });
  return {
    open() {
      if (opened !== undefined && !opened.connection.usable) opening = undefined;
      opening ??= connect(firstHandshakeMs)
        .catch((error: unknown) => {
          if (signal.aborted || !wasSilent(error)) throw error;
          return connect(handshakeMs);
        })
        .catch((error: unknown) => {
          opening = undefined;
          throw error;
        });
      return opening;
    },
    close,
  };
}

/** The handshake had neither an answer nor an end: what `tlsOver` says of a deadline. */
function wasSilent(error: unknown): boolean {
  return error instanceof TsmcpError && error.facts.layer === "tls" && error.facts.reason === silence;
}

const silence = `no answer within ${firstHandshakeMs} ms`;
