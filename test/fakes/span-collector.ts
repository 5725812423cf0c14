import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { listen } from "./listening.ts";

export interface Posted {
  readonly path: string;
  readonly type: string;
  readonly body: Buffer;
}

/** Returns a collector over HTTP, and what exporters posted there. It ends with the test. */
export async function startCollector(): Promise<{ readonly url: string; readonly posted: readonly Posted[] }> {
  const posted: Posted[] = [];
  const server = createServer((request, response) => {
    const type = request.headers["content-type"] ?? "";
    void buffer(request).then((body) => {
      posted.push({ path: request.url ?? "", type, body });
      response.writeHead(200, { "content-type": type }).end(type === "application/json" ? "{}" : "");
    });
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}`, posted };
}
