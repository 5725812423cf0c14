import { setTimeout as delay } from "node:timers/promises";
import { dialFor } from "../bridge/plain-dial.ts";
import { findRoute } from "../bridge/route.ts";
import type { ConfiguredServer } from "../config/servers.ts";
import { messageOf, TsmcpError } from "../core/errors.ts";
import { connectMcp, type McpClient } from "../mcp/client.ts";
import { AnswerTooLarge, createEndpoint } from "../mcp/endpoint.ts";
import { parseHeaderOption, secretsOfHeaders } from "../mcp/header-option.ts";
import type { Socket } from "../net/dial.ts";
import { type Origin, openOrigin, RequestLost } from "../net/origin.ts";
import type { CommandContext } from "./context.ts";

/** The server that `tools` and `call` speak to. */
export interface NamedServer {
  readonly urls: readonly [string, ...string[]];
  /** Throws where the server must not be dialled. */
  readonly admit?: (() => Promise<void>) | undefined;
}

export interface Reach {
  readonly proxy: string | undefined;
  readonly headers: readonly string[];
  readonly signal: AbortSignal;
}

/** As the bridge has it. */
const connectTimeoutMs = 8_000;

/** For the opening and for each page of a list. */
const answerTimeoutMs = 30_000;

/** A result is held whole, and once more as text. */
const maxAnswerBytes = 128 * 1024 * 1024;

/** Nobody waits long for a goodbye. */
const farewellMs = 1_000;

/**
 * Returns the server that `word` names; without one, the only one that is configured. Throws `usage-invalid` when there
 * are none or several, and what `findServer` throws.
 */
export async function nameServer(word: string | undefined, context: CommandContext): Promise<NamedServer> {
  if (word?.includes("://")) {
    const { urlsAsTyped } = await import("../config/server.ts");
    return { urls: urlsAsTyped(word, "--server") };
  }
  const [{ loadConfig }, { findServer, serversOf }, { admissionOf }] = await Promise.all([
    import("../config/load.ts"),
    import("../config/servers.ts"),
    import("./bridge-admission.ts"),
  ]);
  const servers = serversOf(loadConfig(context));
  const server = word === undefined ? onlyOne([...servers.values()]) : findServer(word, servers);
  return { urls: server.tailnetUrls, admit: server.trusted ? undefined : admissionOf(server, context) };
}

/** Runs `work` on the opened server, and ends the session whatever comes of it. */
export async function withServer<T>(
  { urls, admit }: NamedServer,
  context: CommandContext,
  { proxy, headers, signal, work }: Reach & { work: (client: McpClient) => Promise<T> },
): Promise<T> {
  const parsed = headers.map((text) => parseHeaderOption(text, context.env));
  const secrets = secretsOfHeaders(headers, context.env);
  const url = new URL(urls[0]);
  const tls = url.protocol === "https:";
  const target = {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || (tls ? 443 : 80)),
    tls,
  };
  // Not `signal`: what was broken off still has to be cancelled, perhaps over a new connection.
  const over = new AbortController();
  const dialOnce = async (): Promise<Socket> => {
    await admit?.();
    const route = await findRoute({ target, proxy, env: context.env });
    return dialFor(parsed, { target, route, options: { timeoutMs: connectTimeoutMs, signal: over.signal } });
  };
  const origin = openOrigin({
    scheme: tls ? "https" : "http",
    authority: url.host,
    // The first dial after a pause may fail while tailscaled finds its relay again (tailscale#19791).
    dial: () => dialOnce().catch((error: unknown) => (isDialFailure(error) ? dialOnce() : Promise.reject(error))),
    ...(tls ? { tls: { servername: target.host } } : {}),
    handshakeTimeoutMs: connectTimeoutMs,
    maxHttp1Connections: 4,
  });
  let client: McpClient | undefined;
  try {
    client = await openFirst(urls, (path) => ({
      endpoint: createEndpoint({
        ...{ origin, authority: url.host, path, headers: parsed, secrets },
        maxMessageBytes: maxAnswerBytes,
      }),
      timeoutMs: answerTimeoutMs,
      signal,
    }));
    return await work(client);
  } catch (error) {
    throw toldError(error, signal);
  } finally {
    await farewell(client, origin);
    over.abort(new Error("over"));
  }
}

async function openFirst(
  urls: readonly string[],
  optionsFor: (path: string) => Parameters<typeof connectMcp>[0],
): Promise<McpClient> {
  const [url = "", ...others] = urls;
  const { pathname, search } = new URL(url);
  try {
    return await connectMcp(optionsFor(`${pathname}${search}`));
  } catch (error) {
    if (others.length > 0 && isElsewhere(error)) return openFirst(others, optionsFor);
    throw error;
  }
}

function isElsewhere(error: unknown): boolean {
  if (!(error instanceof TsmcpError) || error.code !== "http-failed") return false;
  const status = Number(error.facts.status);
  return status === 404 || status === 405 || status < 300;
}

async function farewell(client: McpClient | undefined, origin: Origin): Promise<void> {
  const done = new AbortController();
  await Promise.race([client?.close(), delay(farewellMs, undefined, { signal: done.signal })]);
  done.abort();
  origin.close();
}

function toldError(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) {
    const reason: unknown = signal.reason;
    if (reason instanceof TsmcpError) return reason;
    return new TsmcpError({
      code: "mcp-failed",
      message: "broken off",
      facts: { signal: String(reason) },
      cause: error,
    });
  }
  if (error instanceof RequestLost) {
    const message = `the connection was lost before the answer came: ${messageOf(error)}`;
    return new TsmcpError({ code: "mcp-failed", message, hint: "what was called may have run", cause: error });
  }
  if (error instanceof AnswerTooLarge) {
    return new TsmcpError({ code: "mcp-failed", message: error.message, hint: "ask for less", cause: error });
  }
  const status = error instanceof TsmcpError && error.code === "http-failed" ? error.facts.status : undefined;
  if (!(error instanceof TsmcpError) || (status !== 401 && status !== 403)) return error;
  const hint =
    status === 401
      ? "pass a token: --header 'Authorization: Bearer ${env:NAME}'"
      : "check the tailnet's grants and the server's rules";
  return new TsmcpError({ code: error.code, message: error.message, hint, facts: error.facts, cause: error });
}

function isDialFailure(error: unknown): boolean {
  return error instanceof TsmcpError && error.code === "dial-failed";
}

function onlyOne(servers: readonly ConfiguredServer[]): ConfiguredServer {
  const [first, ...others] = servers;
  if (first !== undefined && others.length === 0) return first;
  const names = servers.map(({ name }) => JSON.stringify(name)).join(", ");
  throw new TsmcpError({
    code: "usage-invalid",
    message: first === undefined ? "no server is configured" : `${servers.length} servers are configured`,
    hint:
      first === undefined
        ? "name one by its URL: --server https://node.tailnet.ts.net:8443/mcp"
        : `name one of ${names} with --server`,
  });
}
