import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { expect, test } from "vitest";
import { listen } from "../../fakes/listening.ts";
import { host, startTwoSides } from "./two-sides.ts";

/** Lists in two pages; `mayRead` says who gets which. */
async function startPages(mayRead: (cursor: unknown) => boolean): Promise<{ server: Server; port: number }> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== "POST") return void response.writeHead(405).end();
    const message: unknown = await json(request).catch(() => undefined);
    const { id, method, params }: { id?: unknown; method?: unknown; params?: { cursor?: unknown } } = Object(message);
    const reply = (result: object): void => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
    };
    if (method === "initialize") {
      return reply({
        protocolVersion: "2025-11-25",
        capabilities: { tools: {} },
        serverInfo: { name: "p", version: "1" },
      });
    }
    if (method !== "tools/list") return void response.writeHead(404).end();
    const cursor = params?.cursor;
    if (!mayRead(cursor)) return reply({ tools: [] });
    const page = (name: string): object => ({ tools: [{ name, inputSchema: { type: "object" } }] });
    return reply(cursor === "page-2" ? page("second") : { ...page("first"), nextCursor: "page-2" });
  };
  const server = createServer((request, response) => void answer(request, response));
  return { server, port: await listen(server) };
}

test.each([
  ["takes a cursor for proof", (cursor: unknown) => cursor === "page-2", "fail"],
  ["shows no page", () => false, "pass"],
] as const)("a cursor of the tailnet side is tried on the public side, which %s", async (_, mayRead, status) => {
  const [inside, outside] = [await startPages(() => true), await startPages(mayRead)];
  try {
    await using sides = await startTwoSides({ privatePort: inside.port, publicPort: outside.port });
    const { checks } = await sides.examine({ only: ["separation.methods"] });
    const found = checks.find(({ id }) => id === "separation.methods");
    expect(found?.status).toBe(status);
    if (status === "fail") {
      expect(found?.facts).toMatchObject({ request: "a cursor that the tailnet side gave", names: ["second"] });
      expect(found?.reproduce).toContain(`${host}`);
    }
  } finally {
    for (const { server } of [inside, outside]) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }
});
