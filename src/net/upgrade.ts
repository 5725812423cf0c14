import type { Duplex } from "node:stream";
import { startDeadline } from "./deadline.ts";
import type { Socket } from "./dial.ts";
import type { Header } from "./http-message.ts";

/** A server's answer to the wish to go on in another protocol; `socket` is there when it agreed (101). */
export type UpgradeAnswer =
  | { readonly status: number; readonly socket: undefined }
  | { readonly status: 101; readonly socket: Duplex; readonly head: Buffer };

/**
 * Asks over HTTP/1.1 for another protocol, on a connection of its own that is the caller's to end when the server agreed.
 * Throws what `dial` and `tlsOver` throw, and Node's error when the connection breaks or `timeoutMs` is over.
 */
export async function requestUpgrade(options: {
  readonly dial: () => Promise<Socket>;
  readonly tls: { readonly servername: string; readonly ca?: string | readonly string[] | undefined } | undefined;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly Header[];
  readonly body?: string | Uint8Array | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}): Promise<UpgradeAnswer> {
  const { tls, method, path, headers, timeoutMs } = options;
  const deadline = startDeadline({ signal: options.signal, timeoutMs });
  try {
    const [{ request }, { tlsOver }] = await Promise.all([import("node:http"), import("./tls.ts")]);
    const plain = await deadline.race(options.dial());
    const socket: Duplex =
      tls === undefined
        ? plain
        : (await tlsOver(plain, { ...tls, alpn: ["http/1.1"], signal: deadline.signal })).socket;
    return await new Promise((resolve, reject) => {
      const onAbort = (): void => {
        socket.destroy();
        reject(deadline.signal.reason);
      };
      deadline.signal.addEventListener("abort", onAbort, { once: true });
      const outgoing = request({
        createConnection: () => socket,
        method,
        path,
        headers: headers.flat(),
        setHost: false,
      });
      // Stays attached for good: an error that arrives while nobody listens would end the process.
      outgoing.on("error", reject);
      outgoing.once("upgrade", (_incoming, upgraded: Duplex, head: Buffer) => {
        deadline.signal.removeEventListener("abort", onAbort);
        upgraded.on("error", () => {});
        resolve({ status: 101, socket: upgraded, head });
      });
      outgoing.once("response", (incoming) => {
        incoming.on("error", () => {});
        resolve({ status: incoming.statusCode ?? 0, socket: undefined });
        socket.destroy();
      });
      outgoing.end(options.body);
    });
  } finally {
    deadline.stop();
  }
}
