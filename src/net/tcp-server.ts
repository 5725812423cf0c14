import { createServer, type Socket } from "node:net";

export type { Socket } from "node:net";

/** What listens somewhere, and ends with everything that it accepted. */
export interface Listener {
  /** 0 for a unix socket. */
  readonly port: number;
  /** Cuts what it accepted without a word. */
  cut(): void;
  close(): Promise<void>;
}

/** A unix socket, or a port of 127.0.0.1 (0: a free one). */
export type ListenPlace = { readonly path: string } | { readonly port: number };

/**
 * Returns once it listens; `onConnection` gets every connection, with an error listener attached.
 * Rejects with the system's error.
 */
export function startListener(place: ListenPlace, onConnection: (socket: Socket) => void): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    // Stays attached for good: an error that arrives while nobody listens would end the process.
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen("path" in place ? place : { port: place.port, host: "127.0.0.1", exclusive: true }, () => {
      server.off("error", reject);
      const address = server.address();
      resolve({
        port: typeof address === "object" && address !== null ? address.port : 0,
        cut,
        close: () => {
          const closed = new Promise<void>((done) => server.close(() => done()));
          cut();
          return closed;
        },
      });
    });
  });
}

/** Joins two streams; when one direction or one of the two ends, so does everything, as in tailscaled's proxies. */
export function splice(one: Socket, other: Socket): void {
  const end = (): void => {
    one.destroySoon();
    other.destroySoon();
  };
  one.pipe(other, { end: false });
  other.pipe(one, { end: false });
  for (const socket of [one, other])
    socket
      .on("error", () => {})
      .once("end", end)
      .once("close", end);
}
