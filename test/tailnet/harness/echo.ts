import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** What a backend saw of one request. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Echo extends AsyncDisposable {
  /** "http://127.0.0.1:P" */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts a backend on loopback that answers each request with what it saw of it, as JSON. */
export async function startEcho(port = 0): Promise<Echo> {
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    const seen: Seen = { method, url, headers };
    request.resume();
    response.setHeader("content-type", "application/json").end(`${JSON.stringify(seen)}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
  });
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${portOf(server.address())}`, close, [Symbol.asyncDispose]: close };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("the echo server listens nowhere");
  return address.port;
}
