import { connect, createServer, type Socket } from "node:net";
import { listen } from "../fakes/listening.ts";

export interface CountingProxy extends AsyncDisposable {
  readonly url: string;
  readonly connections: number;
}

/** Counts the connections to `proxy` ("host:port") and hands their bytes on. */
export async function startCountingProxy(proxy: string): Promise<CountingProxy> {
  const [host = "", port = ""] = proxy.split(":");
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    const upstream = connect({ host, port: Number(port) });
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy()).on("close", () => other.destroy());
      one.pipe(other);
    }
  });
  const own = await listen(server);
  return {
    url: `http://127.0.0.1:${own}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}
