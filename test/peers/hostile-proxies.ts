import { connect, createServer, type Socket } from "node:net";
import { listen } from "../fakes/listening.ts";
import { flood } from "./flood.ts";

/** What a proxy does to whoever connects. */
export interface HostileProxy {
  readonly name: string;
  readonly does: (socket: Socket) => void;
}

const afterHead =
  (text: string | Buffer, then: "end" | "stay" = "end") =>
  (socket: Socket): void => {
    socket.once("data", () => (then === "end" ? socket.end(text) : socket.write(text)));
  };

export const hostileProxies: readonly HostileProxy[] = [
  { name: "accepts and is silent", does: () => {} },
  { name: "hangs up at once", does: (socket) => socket.destroy() },
  { name: "hangs up when asked", does: afterHead("") },
  { name: "resets when asked", does: (socket) => socket.once("data", () => socket.resetAndDestroy()) },
  { name: "wants a password (407)", does: afterHead("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") },
  { name: "forbids (403)", does: afterHead("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "stay") },
  {
    name: "knows no such name, as tailscaled says it",
    does: afterHead("HTTP/1.1 500 Internal Server Error\r\nTailscale-Connect-Error: no such host\r\n\r\n"),
  },
  { name: "stops in its head", does: afterHead("HTTP/1.1 200 O", "stay") },
  { name: "answers random bytes", does: afterHead(Buffer.alloc(4_096, 0xf7)) },
  {
    name: "answers a head without end",
    does: (socket) =>
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\n");
        flood(socket, "x: y\r\n");
      }),
  },
  { name: "opens a tunnel to nowhere", does: afterHead("HTTP/1.1 200 OK\r\n\r\n", "stay") },
  { name: "opens a tunnel and hangs up", does: afterHead("HTTP/1.1 200 OK\r\n\r\n") },
  {
    name: "opens a tunnel to something that is not the server",
    does: afterHead("HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x\r\n"),
  },
];

export interface Turncoat extends AsyncDisposable {
  readonly port: number;
  /** Breaks every connection, and does this to the next ones; nothing: serves them again. */
  turn(does: HostileProxy["does"] | undefined): void;
}

/** A proxy that serves CONNECT as it should until it is turned. */
export async function startTurncoat(): Promise<Turncoat> {
  const sockets = new Set<Socket>();
  let evil: HostileProxy["does"] | undefined;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    if (evil !== undefined) evil(socket);
    else socket.once("data", (head: Buffer) => tunnel(socket, head.toString("latin1")));
  });
  const port = await listen(server);
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port,
    turn(does) {
      evil = does;
      cut();
    },
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((done) => server.close(done));
    },
  };
}

function tunnel(socket: Socket, head: string): void {
  const port = Number(/^CONNECT \S+?:(\d+) /.exec(head)?.[1]);
  const upstream = connect({ host: "127.0.0.1", port });
  upstream.on("error", () => socket.destroy()).on("close", () => socket.destroy());
  upstream.once("connect", () => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    socket.pipe(upstream).pipe(socket);
  });
  socket.on("close", () => upstream.destroy());
}
