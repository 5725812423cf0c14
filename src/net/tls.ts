import { isIP, type Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import { messageOf } from "../core/errors.ts";
import { dialError } from "./dial-error.ts";

export type { TLSSocket } from "node:tls";

export interface TlsOptions {
  /** The name to ask for and to check the certificate against. */
  readonly servername: string;
  /** What to offer, the best first: `h2`, `http/1.1`. */
  readonly alpn: readonly string[];
  /** Authorities (PEM) to trust in the system's place. */
  readonly ca?: string | readonly string[] | undefined;
  /** Made before, for the same name and authorities. */
  readonly prepared?: PreparedTls | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called when the server has to answer: the moment for work that would only delay what was to be sent. */
  readonly onWaiting?: (() => void) | undefined;
}

/** What a handshake needs before it can begin. */
export interface PreparedTls {
  readonly isAddress: boolean;
  readonly secureContext: SecureContext;
}

/** Returns what takes some milliseconds and asks nobody: for a moment when there is nothing to do but wait. */
export async function prepareTls({ servername, ca }: Pick<TlsOptions, "servername" | "ca">): Promise<PreparedTls> {
  const { createSecureContext } = await import("node:tls");
  const secureContext = createSecureContext(ca === undefined ? {} : { ca: typeof ca === "string" ? ca : [...ca] });
  return { isAddress: isIP(servername) !== 0, secureContext };
}

/**
 * Returns TLS over `socket`, verified, and what was agreed on by ALPN (undefined: nothing).
 * Throws `dial-failed` with the layer `tls` and Node's or OpenSSL's code as the reason; `socket` is then destroyed.
 */
export async function tlsOver(
  socket: Socket,
  options: TlsOptions,
): Promise<{ socket: TLSSocket; protocol: string | undefined }> {
  const { servername, alpn, signal } = options;
  const { connect } = await import("node:tls");
  const { isAddress, secureContext } = options.prepared ?? (await prepareTls(options));
  return new Promise((resolve, reject) => {
    const secured = connect({
      socket,
      ALPNProtocols: [...alpn],
      // An address is no server name (RFC 6066 §3); the certificate is then checked against the address.
      ...(isAddress ? { host: servername } : { servername }),
      secureContext,
    });
    const fail = (reason: string, cause?: unknown): void => {
      signal?.removeEventListener("abort", onAbort);
      secured.destroy();
      socket.destroy();
      reject(dialError({ layer: "tls", reason, target: servername, cause }));
    };
    const onAbort = (): void => fail(messageOf(signal?.reason), signal?.reason);
    // Stays attached for good: an error that arrives while nobody listens would end the process.
    secured.on("error", (error) => fail(messageOf(error), error));
    secured.once("close", () => fail("the connection was closed in the handshake"));
    secured.once("secureConnect", () => {
      signal?.removeEventListener("abort", onAbort);
      resolve({ socket: secured, protocol: secured.alpnProtocol || undefined });
    });
    if (signal?.aborted) return onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    options.onWaiting?.();
  });
}
