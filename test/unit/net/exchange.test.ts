import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { createSecureServer } from "node:http2";
import type { Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { dial } from "../../../src/net/dial.ts";
import { type ExchangeRequest, exchange } from "../../../src/net/exchange.ts";
import { headerOf } from "../../../src/net/http-message.ts";
import { shareConnection } from "../../../src/net/shared-connection.ts";
import { certificate, privateKey } from "../../fakes/certificate.ts";
import { listen } from "../../fakes/listening.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

type Handler = (
  request: { url: string; host: string; body: string; headers: string[] },
  response: ServerResponse,
) => void;

async function startServer(
  kind: "plain" | "tls",
  handle: Handler,
): Promise<Partial<ExchangeRequest> & { dial: ExchangeRequest["dial"] }> {
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => {
      const host = request.headers[":authority"] ?? request.headers.host;
      handle({ url: request.url ?? "", host: String(host), body, headers: request.rawHeaders }, response);
    });
  };
  const server: Server =
    kind === "plain"
      ? createHttp(onRequest)
      : createSecureServer({ key: privateKey, cert: certificate, allowHTTP1: true }, (request, response) =>
          // The compatibility classes have what the handlers here use.
          Reflect.apply(onRequest, undefined, [request, response]),
        );
  servers.push(server);
  const port = await listen(server);
  return {
    dial: () => dial({ host: "127.0.0.1", port }, undefined, { timeoutMs: 30_000 }),
    ...(kind === "tls" ? { tls: { servername: "localhost", ca: certificate } } : {}),
  };
}

const basic = {
  protocol: "auto",
  method: "POST",
  path: "/mcp",
  headers: [],
  timeoutMs: 30_000,
  maxBodyBytes: 1_000,
} as const;

test.each([
  ["plain", "auto", "h1"],
  ["tls", "h1", "h1"],
  ["tls", "h2", "h2"],
  ["tls", "auto", "h2"],
] as const)(
  "exchange over %s with %s speaks %s, with the target, authority and body as told",
  async (kind, protocol, spoken) => {
    const server = await startServer(kind, (request, response) => {
      response.setHeader("x-seen", "1");
      response.end(`${request.host} ${request.url} ${request.body}`);
    });
    const answer = await exchange({
      ...basic,
      ...server,
      protocol,
      authority: "forged:8443",
      target: "/../mcp",
      body: "é",
    });
    expect(answer.status).toBe(200);
    expect(answer.protocol).toBe(spoken);
    expect(headerOf(answer.headers, "x-seen")).toBe("1");
    expect(String(answer.body)).toBe("forged:8443 /../mcp é");
    expect(answer.truncated).toBe(false);
    expect(answer.certificate?.subject).toBe(kind === "tls" ? "CN=localhost" : undefined);
  },
);

test("exchange sends duplicate headers over HTTP/1.1 when told so", async () => {
  const server = await startServer("plain", ({ headers }, response) => response.end(JSON.stringify(headers)));
  const answer = await exchange({
    ...basic,
    ...server,
    headers: [
      ["X-A", "1"],
      ["x-a", "2"],
    ],
    target: "https://n:8443/mcp",
  });
  expect(JSON.parse(String(answer.body))).toEqual(expect.arrayContaining(["X-A", "1", "x-a", "2"]));
});

test("exchange stops a stream that stays open once the message is there", async () => {
  const server = await startServer("tls", (_request, response) => void response.write("data: 1\n\n"));
  const answer = await exchange({ ...basic, ...server, untilMessage: (bytes) => bytes.includes("\n\n") });
  expect(String(answer.body)).toBe("data: 1\n\n");
});

test("exchange shows each piece of a body once, however small the pieces are", async () => {
  const crumbs = Array.from({ length: 2_000 }, (_, index) => `${index}\n`);
  const server = await startServer("plain", (_request, response) => {
    const next = (index: number): void => {
      const crumb = crumbs[index];
      if (crumb === undefined) response.end();
      else response.write(crumb, () => next(index + 1));
    };
    next(0);
  });
  let shown = "";
  const untilMessage = (piece: Buffer): boolean => {
    shown += String(piece);
    return false;
  };
  const answer = await exchange({ ...basic, ...server, maxBodyBytes: 100_000, untilMessage });
  expect(shown).toBe(crumbs.join(""));
  expect(String(answer.body)).toBe(shown);
});

test("exchange takes the head of a stream that says nothing for the answer, where it is told to", async () => {
  const server = await startServer("tls", (_request, response) => response.writeHead(200).flushHeaders());
  const answer = await exchange({ ...basic, ...server, quietMs: 20 });
  expect([answer.status, answer.body.length]).toEqual([200, 0]);
});

test("exchange sends many requests over one shared connection, and a broken one is made anew", async () => {
  const server = await startServer("tls", ({ url }, response) => void response.end(url));
  let dials = 0;
  const count = (): ReturnType<typeof server.dial> => {
    dials += 1;
    return server.dial();
  };
  const signal = new AbortController().signal;
  const shared = shareConnection({ dial: count, tls: { servername: "localhost", ca: certificate }, signal });
  const ask = (path: string) => exchange({ ...basic, ...server, dial: count, shared, path });
  const answers = await Promise.all(["/1", "/2", "/3"].map(ask));
  expect(answers.map(({ body, protocol }) => `${protocol} ${String(body)}`)).toEqual(["h2 /1", "h2 /2", "h2 /3"]);
  expect(dials).toBe(1);
  shared.close();
  expect(String((await ask("/4")).body)).toBe("/4");
  expect(dials).toBe(2);
  await exchange({ ...basic, ...server, dial: count, shared, protocol: "h1" });
  expect(dials).toBe(3);
  shared.close();
});

test("exchange speaks HTTP/1.0 without a Host where it is told to", async () => {
  const server = createHttp((request, response) => void response.end(`${request.httpVersion} ${request.headers.host}`));
  servers.push(server);
  const port = await listen(server);
  const at = { dial: () => dial({ host: "127.0.0.1", port }, undefined, { timeoutMs: 30_000 }) };
  const answer = await exchange({ ...basic, ...at, protocol: "h1.0", authority: "" });
  expect(String(answer.body)).toBe("1.0 undefined");
});

test("exchange cuts a body that is larger than allowed and says so", async () => {
  const server = await startServer("plain", (_request, response) => void response.end("x".repeat(5_000)));
  const answer = await exchange({ ...basic, ...server, maxBodyBytes: 100 });
  expect(answer.body.length).toBe(100);
  expect(answer.truncated).toBe(true);
});

test.each(["plain", "tls"] as const)("exchange fails with the status when a %s body never ends", async (kind) => {
  const server = await startServer(kind, (_request, response) => void response.write("half"));
  await expect(exchange({ ...basic, ...server, timeoutMs: 150 })).rejects.toMatchObject({
    code: "http-failed",
    facts: { layer: "http", reason: "no whole answer within 150 ms", status: 200 },
  });
});

test("exchange fails in the layer tls when the certificate is for another name", async () => {
  const server = await startServer("tls", (_request, response) => void response.end());
  await expect(
    exchange({ ...basic, ...server, tls: { servername: "other.test", ca: certificate } }),
  ).rejects.toMatchObject({
    code: "dial-failed",
    facts: { layer: "tls" },
  });
});

test("exchange fails when only HTTP/2 will do and the server lacks it", async () => {
  const { createServer } = await import("node:https");
  const server = createServer({ key: privateKey, cert: certificate, ALPNProtocols: ["http/1.1"] });
  servers.push(server);
  const port = await listen(server);
  const open = () => dial({ host: "127.0.0.1", port }, undefined, { timeoutMs: 30_000 });
  await expect(
    exchange({ ...basic, dial: open, protocol: "h2", tls: { servername: "localhost", ca: certificate } }),
  ).rejects.toMatchObject({ code: "dial-failed", facts: { layer: "tls" } });
});
