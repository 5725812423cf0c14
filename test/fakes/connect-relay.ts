import { connect, createServer, type Socket } from "node:net";
import { listen } from "./listening.ts";

/** A forward proxy between a program and another proxy, as companies have them. */
export interface ConnectRelay extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly address: string;
}

/**
 * Hands what it gets on to the proxy at `to`. A CONNECT that `refuses` names it refuses by itself, in words of its own;
 * `delayMs` is how long it thinks first.
 */
export async function startConnectRelay(options: {
  readonly to: string;
  readonly refuses?: (authority: string) => boolean;
  readonly delayMs?: number;
}): Promise<ConnectRelay> {
  const { to, refuses = () => false, delayMs = 0 } = options;
  const [host = "", port = ""] = to.split(":");
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  };
  const hand = (client: Socket, head: Buffer): void => {
    const authority = /^CONNECT (\S+) /.exec(head.toString("latin1"))?.[1] ?? "";
    if (authority !== "" && refuses(authority)) {
      return void client.end("HTTP/1.1 502 Bad Gateway\r\nVia: 1.1 relay\r\n\r\n");
    }
    const next = keep(connect({ host, port: Number(port) }));
    next.write(head);
    next.pipe(client);
    client.pipe(next);
    next.once("close", () => client.destroy());
    client.once("close", () => next.destroy());
  };
  const server = createServer((client) => {
    keep(client).once("data", (head: Buffer) => {
      client.pause();
      setTimeout(hand, delayMs, client, head);
    });
  });
  const own = await listen(server);
  return {
    address: `127.0.0.1:${own}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
