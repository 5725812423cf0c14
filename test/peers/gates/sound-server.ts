import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { listen } from "../../fakes/listening.ts";
import type { Gate, GateServer } from "./mcp-server.ts";
import { replyTo } from "./plain-server.ts";

/** What strangers get, whatever they send. */
export interface Closed {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SoundOptions {
  readonly path: string;
  readonly tools: readonly string[];
  readonly trusts: Gate;
  readonly closed?: Closed;
  /** Sessions, within which nothing is listed before `notifications/initialized`. */
  readonly isStrict?: boolean;
  readonly delayMs?: number;
  /** From the path to the path with a slash. */
  readonly redirects?: boolean;
  /** What it fails on (500), as code does that takes a host for granted. */
  readonly stumblesOver?: Gate;
}

/** A home-made server without a flaw, in one of the shapes that a doctor may stumble over. */
export async function startSoundServer(options: SoundOptions): Promise<GateServer> {
  const { path, tools, trusts, closed, isStrict = false, delayMs = 0, redirects = false } = options;
  const sessions = new Map<string, { readonly isTrusted: boolean; isInitialized: boolean }>();
  const calls: string[] = [];

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // The world is like that; nothing here waits for it.
    if (delayMs > 0) await wait(delayMs);
    if (options.stumblesOver?.(request) === true) return void response.writeHead(500).end();
    const isTrusted = trusts(request);
    if (!isTrusted && closed !== undefined) return void response.writeHead(closed.status, closed.headers).end("no");
    if (redirects && request.url === path) return void response.writeHead(308, { location: `${path}/` }).end();
    if (request.url !== (redirects ? `${path}/` : path)) return void response.writeHead(404).end();
    const id = String(request.headers["mcp-session-id"] ?? "");
    if (request.method === "DELETE" && isStrict) {
      const isOwn = sessions.get(id)?.isTrusted === isTrusted;
      if (isOwn) sessions.delete(id);
      return void response.writeHead(isOwn ? 200 : 404).end();
    }
    if (request.method !== "POST") return void response.writeHead(405).end();
    const message: unknown = await json(request).catch(() => undefined);
    if (typeof message !== "object" || message === null || Array.isArray(message)) {
      return void response.writeHead(400).end();
    }
    if (isStrict) return answerWithin({ ...message }, { id, isTrusted, response });
    send(response, replyTo({ ...message }, { trusted: isTrusted, tools, calls }));
  };

  const answerWithin = (
    message: Readonly<Record<string, unknown>>,
    {
      id,
      isTrusted,
      response,
    }: { readonly id: string; readonly isTrusted: boolean; readonly response: ServerResponse },
  ): void => {
    if (message.method === "initialize") {
      const opened = randomUUID();
      sessions.set(opened, { isTrusted, isInitialized: false });
      send(response, replyTo(message, { trusted: false, tools, calls }), { "mcp-session-id": opened });
      return;
    }
    const session = sessions.get(id);
    // A session is good on the side that opened it.
    if (session === undefined || session.isTrusted !== isTrusted) {
      response.writeHead(404).end();
      return;
    }
    if (message.method === "notifications/initialized") session.isInitialized = true;
    const isEarly = message.id !== undefined && !session.isInitialized;
    const early = { jsonrpc: "2.0", id: message.id, error: { code: -32600, message: "not initialized" } };
    send(response, isEarly ? early : replyTo(message, { trusted: isTrusted, tools, calls }));
  };

  const http = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const port = await listen(http);
  return {
    port,
    tools,
    calls,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
    },
  };
}

function send(
  response: ServerResponse,
  value: object | undefined,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (value === undefined) return void response.writeHead(202, headers).end();
  response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
}
