import type { IncomingMessage, ServerResponse } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createHttps } from "node:https";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { dial } from "../../../src/net/dial.ts";
import { freePort } from "../../../src/net/listening.ts";
import { type Origin, openOrigin, RequestLost, type Rest } from "../../../src/net/origin.ts";
import { certificate, privateKey } from "../../fakes/certificate.ts";
import { listen } from "../../fakes/listening.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(
  kind: "h1" | "h2",
  handle: (url: string, response: ServerResponse) => void,
  maxConcurrentStreams = 1_000,
) {
  const sockets = new Set<Socket>();
  let connections = 0;
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => handle(request.url ?? "", response);
  const options = { key: privateKey, cert: certificate };
  const server: Server =
    kind === "h1"
      ? createHttps(options, onRequest)
      : createSecureServer({ ...options, settings: { maxConcurrentStreams } }, (request, response) =>
          Reflect.apply(onRequest, undefined, [request, response]),
        );
  server.on("secureConnection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const port = await listen(server);
  const origin = originAt(port);
  cleanups.push(() => {
    cut();
    server.close();
  });
  return { origin, port, cut, connections: () => connections, open: () => sockets.size };
}

function originAt(port: number, rest?: Rest) {
  const origin = openOrigin({
    scheme: "https",
    authority: `localhost:${port}`,
    dial: () => dial({ host: "127.0.0.1", port }, undefined, { timeoutMs: 30_000 }),
    tls: { servername: "localhost", ca: certificate },
    handshakeTimeoutMs: 30_000,
    maxHttp1Connections: 3,
    ...(rest === undefined ? {} : { rest }),
  });
  cleanups.push(() => origin.close());
  return origin;
}

/** A wire that can go dead without a word; what is dialled later goes over another one. */
async function startWire(port: number) {
  const sockets = new Set<Socket>();
  const wire = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) sockets.add(socket.on("error", () => {}));
    near.pipe(far).pipe(near);
  });
  const wirePort = await listen(wire);
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    wire.close();
  });
  const die = (): void => {
    for (const socket of sockets) socket.unpipe().pause();
  };
  return { port: wirePort, die };
}

async function ask(origin: Origin, target = "/"): Promise<string> {
  const response = await origin.request({ method: "POST", target, headers: [], body: Buffer.from("x") });
  let text = "";
  for await (const chunk of response.body) text += String(chunk);
  return text;
}

test.each([
  ["h2", 1],
  ["h1", 2],
] as const)("300 requests at once over %s take %d connections, and the next takes none", async (kind, most) => {
  const { origin, connections } = await start(kind, (url, response) => setTimeout(() => response.end(url), 1));
  const texts = await Promise.all(Array.from({ length: 300 }, (_, index) => ask(origin, `/${index}`)));
  expect(texts).toEqual(Array.from({ length: 300 }, (_, index) => `/${index}`));
  expect(connections()).toBe(most);
  await ask(origin);
  expect(connections()).toBe(most);
});

test("a brief request gets through while others take all the connections that they may", async () => {
  let hangs = 0;
  const { origin, connections } = await start("h1", (url, response) => {
    if (url === "/hangs") hangs += 1;
    else response.end(url);
  });
  const controller = new AbortController();
  const hang = () => origin.request({ method: "GET", target: "/hangs", headers: [], signal: controller.signal });
  const hanging = Promise.allSettled(Array.from({ length: 9 }, hang));
  while (hangs < 2) await new Promise(setImmediate);
  const response = await origin.request({ method: "POST", target: "/brief", headers: [], isBrief: true });
  expect(response.status).toBe(200);
  expect(connections()).toBeLessThanOrEqual(3);
  controller.abort();
  expect((await hanging).every(({ status }) => status === "rejected")).toBe(true);
});

test.each(["h1", "h2"] as const)("a connection that was opened before it is needed is used, over %s", async (kind) => {
  const { origin, connections } = await start(kind, (url, response) => response.end(url));
  await origin.warm();
  expect(await ask(origin, "/a")).toBe("/a");
  expect(connections()).toBe(1);
});

test.each(["h1", "h2"] as const)(
  "a request whose connection breaks over %s is lost, and the next one dials again",
  async (kind) => {
    const server = await start(kind, (url, response) => {
      if (url === "/cut") server.cut();
      else response.end(url);
    });
    await ask(server.origin);
    await expect(ask(server.origin, "/cut")).rejects.toBeInstanceOf(RequestLost);
    expect(await ask(server.origin, "/again")).toBe("/again");
    expect(server.connections()).toBe(2);
  },
);

test("a request without a way to the server fails as such, and nothing was sent", async () => {
  await expect(ask(originAt(await freePort()))).rejects.toMatchObject({ code: "dial-failed" });
});

test.each(["h1", "h2"] as const)("closing leaves no connection over %s", async (kind) => {
  const { origin, open } = await start(kind, (url, response) => response.end(url));
  await ask(origin);
  origin.close();
  while (open() > 0) await new Promise(setImmediate);
});

test("a request that is aborted ends with the reason, and the others go on", async () => {
  const { origin, connections } = await start("h2", (url, response) =>
    url === "/hangs" ? undefined : response.end(url),
  );
  const controller = new AbortController();
  const reason = new Error("enough");
  const hanging = origin.request({ method: "GET", target: "/hangs", headers: [], signal: controller.signal });
  await ask(origin);
  controller.abort(reason);
  await expect(hanging).rejects.toBe(reason);
  expect(await ask(origin, "/b")).toBe("/b");
  expect(connections()).toBe(1);
});

test("a request gets through though the server's streams are all taken by those that stall", async () => {
  const stalled: ServerResponse[] = [];
  const { origin, connections } = await start(
    "h2",
    (url, response) => void (url === "/stalls" ? stalled.push(response) : response.end("there")),
    20,
  );
  await ask(origin);
  for (let count = 0; count < 30; count++) void ask(origin, "/stalls").catch(() => {});
  expect(await ask(origin)).toBe("there");
  expect(connections()).toBe(2);
});

test("a request that the server turned away unread is told as one that did not go", async () => {
  const { origin } = await start("h2", (_url, response) => {
    const { stream } = response as unknown as { stream: { close(code: number): void } };
    stream.close(7);
  });
  await expect(ask(origin)).rejects.toMatchObject({ code: "dial-failed", facts: { layer: "connect" } });
});

test.each([
  ["lives is used", 30_000, 1],
  ["died without a word is left, and nothing is sent over it", 300, 2],
] as const)("a connection that rested and %s", async (state, proofMs, most) => {
  const asked: string[] = [];
  const handle = (url: string, response: ServerResponse): void => {
    asked.push(url);
    response.end(url);
  };
  const { port, connections } = await start("h2", handle);
  const wire = await startWire(port);
  const origin = originAt(wire.port, { afterMs: 100, proofMs });
  await ask(origin, "/before");
  if (state !== "lives is used") wire.die();
  await vi.waitFor(() => expect(origin.isOpen).toBe(false), 30_000);
  await origin.warm();
  expect(await ask(origin, "/after")).toBe("/after");
  expect(asked).toEqual(["/before", "/after"]);
  expect(connections()).toBe(most);
});
