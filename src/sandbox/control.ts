import { startHttpServer } from "../net/http-server.ts";
import type { Faults } from "./faults.ts";

/**
 * Starts what answers in the coordination server's place, so that whoever looks whether it is there asks nobody outside of
 * this machine. Nodes join by the stand-ins; here is nothing but its address. Throws `listen-failed`.
 */
export async function startControl(faults: Faults): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = await startHttpServer({
    address: { kind: "tcp", host: "127.0.0.1", port: 0 },
    headersTimeoutMs: limitMs,
    requestTimeoutMs: limitMs,
    onRequest(request, response) {
      request.resume();
      if (faults.control === "down") return;
      const isKey = request.url?.startsWith("/key") === true;
      response.statusCode = isKey ? 200 : 404;
      response.end(isKey ? "{}" : "404 page not found\n");
    },
  });
  const { address } = server;
  return {
    url: `http://127.0.0.1:${address.kind === "tcp" ? address.port : 0}`,
    close: () => server.close(0),
  };
}

const limitMs = 60_000;
