import { TsmcpError } from "../core/errors.ts";
import { isObject } from "../core/json-object.ts";
import { timeoutSignal } from "../core/timeout-signal.ts";
import { version } from "../core/version.ts";
import { headerOf } from "../net/http-message.ts";
import type { Answer, Endpoint } from "./endpoint.ts";
import { modernMeta, modernVersion, newestLegacyVersion } from "./era.ts";
import { type JsonObject, objectAt, stringAt } from "./json.ts";
import { errorText, type Message, type ResponseMessage, toMessage } from "./message.ts";
import { headersOfMessage, headersOfSession, type LegacySession } from "./request-headers.ts";
import { responseIn } from "./response.ts";

/** A server that was opened, in whichever era it speaks. */
export interface McpClient {
  readonly era: "legacy" | "modern";
  readonly protocolVersion: string;
  readonly serverInfo: JsonObject;
  readonly capabilities: JsonObject;
  /** Returns every tool of every page. */
  listTools(): Promise<readonly JsonObject[]>;
  /** Returns the tool's result, an error of the tool among them; what the server says on the way goes to `onMessage`. */
  callTool(call: ToolCall): Promise<JsonObject>;
  /** Ends the session, if there is one. */
  close(): Promise<void>;
}

export interface ToolCall {
  readonly name: string;
  readonly arguments: JsonObject;
  readonly onMessage?: ((message: Message) => void) | undefined;
  /** Asks the server for `notifications/progress` that carry it. */
  readonly progressToken?: string | number | undefined;
  /** In the place of the client's own limit; Infinity for none. */
  readonly timeoutMs?: number | undefined;
}

export interface McpClientOptions {
  readonly endpoint: Endpoint;
  /** For each request. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

type Wire = {
  /** Returns the result, throws `mcp-failed` for an error answer. */
  request(method: string, params: JsonObject, options?: AskOptions): Promise<Asked>;
  notify(method: string): Promise<void>;
  session: LegacySession | undefined;
  era: "legacy" | "modern";
};

interface AskOptions {
  readonly onMessage?: ((message: Message) => void) | undefined;
  readonly timeoutMs?: number | undefined;
}

interface Asked {
  readonly result: JsonObject;
  readonly answer: Answer;
}

/** MCP 2026-07-28: what a server says to `initialize` when it knows no sessions. */
const unsupportedVersion = -32022;

/** Nobody waits for a cancellation. */
const cancelTimeoutMs = 1_000;

/** More pages than this is a server that never ends. */
const maxPages = 1_000;

/**
 * Returns the server behind `endpoint`, opened: with `initialize`, or, where it knows only the modern era, with
 * `server/discover`.
 * Throws what the way there throws, `http-failed` (facts: `status`) for an answer that is not MCP, and `mcp-failed` (facts: `code`) for an
 * error of the protocol.
 */
export async function connectMcp(options: McpClientOptions): Promise<McpClient> {
  const wire = createWire(options);
  const opened = await openLegacy(wire).catch((error: unknown) => {
    if (error instanceof TsmcpError && error.facts.code === unsupportedVersion) return openModern(wire);
    throw error;
  });
  return {
    era: wire.era,
    protocolVersion: wire.session?.protocolVersion ?? modernVersion,
    serverInfo: objectAt(opened, "serverInfo") ?? {},
    capabilities: objectAt(opened, "capabilities") ?? {},
    listTools: () => listAll(wire, "tools/list", "tools"),
    async callTool({ name, arguments: args, progressToken, ...asking }) {
      const meta = progressToken === undefined ? {} : { _meta: { progressToken } };
      return (await wire.request("tools/call", { name, arguments: args, ...meta }, asking)).result;
    },
    async close() {
      if (wire.session?.id === undefined) return;
      const signal = timeoutSignal(options.timeoutMs);
      await options.endpoint.delete({ headers: headersOfSession(wire.session), signal }).catch(() => undefined);
      wire.session = undefined;
    },
  };
}

async function openLegacy(wire: Wire): Promise<JsonObject> {
  const { result, answer } = await wire.request("initialize", {
    protocolVersion: newestLegacyVersion,
    capabilities: {},
    clientInfo: { name: "tsmcp", version },
  });
  const id = answer.kind === "foreign" ? undefined : headerOf(answer.headers, "mcp-session-id");
  wire.session = { id, protocolVersion: stringAt(result, "protocolVersion") };
  await wire.notify("notifications/initialized");
  return result;
}

async function openModern(wire: Wire): Promise<JsonObject> {
  wire.era = "modern";
  return (await wire.request("server/discover", {})).result;
}

async function listAll(wire: Wire, method: string, key: string): Promise<readonly JsonObject[]> {
  const items: JsonObject[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const { result } = await wire.request(method, cursor === undefined ? {} : { cursor });
    const found = result[key];
    if (Array.isArray(found)) items.push(...found.filter(isObject));
    const next = stringAt(result, "nextCursor");
    if (next === undefined || next === cursor) return items;
    cursor = next;
  }
  throw failed(`${method} has more than ${maxPages} pages`, {});
}

function createWire({ endpoint, timeoutMs, signal }: McpClientOptions): Wire {
  let lastId = 0;
  const limit = (ms = timeoutMs): AbortSignal => {
    const own = Number.isFinite(ms) ? timeoutSignal(ms) : new AbortController().signal;
    return signal === undefined ? own : AbortSignal.any([own, signal]);
  };
  const post = (value: JsonObject, limited: AbortSignal): Promise<Answer> => {
    const message = toMessage(value);
    if (message.kind === "invalid") throw new Error(message.reason);
    const headers = headersOfMessage(message, wire.session);
    const isBrief = message.kind !== "request";
    return endpoint.post({ body: Buffer.from(JSON.stringify(value)), headers, signal: limited, isBrief });
  };
  const withEra = (params: JsonObject): JsonObject =>
    wire.era === "modern"
      ? { ...params, _meta: { ...objectAt(params, "_meta"), ...modernMeta(modernVersion) } }
      : params;
  const wire: Wire = {
    era: "legacy",
    session: undefined,
    async notify(method) {
      await post({ jsonrpc: "2.0", method }, limit());
    },
    async request(method, params, { onMessage = () => {}, timeoutMs: ms = timeoutMs } = {}) {
      lastId += 1;
      const id = lastId;
      const limited = limit(ms);
      try {
        const answer = await post({ jsonrpc: "2.0", id, method, params: withEra(params) }, limited);
        const response = await responseIn(answer, id, (message) => {
          onMessage(message);
          if (message.kind === "request") void refuse(message.id);
        });
        return { answer, result: resultOf(method, answer, response) };
      } catch (error) {
        // A disconnect is a cancellation in the modern era alone, and nobody may cancel the opening.
        if (limited.aborted && wire.era === "legacy" && method !== "initialize") void cancel(id);
        if (!limited.aborted || signal?.aborted) throw error;
        throw failed(`${method} had no answer within ${ms} ms`, { timeoutMs: ms });
      }
    },
  };
  const cancel = (requestId: number): Promise<unknown> =>
    post(
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } },
      timeoutSignal(cancelTimeoutMs),
    ).catch(() => undefined);
  /** A server that asks for what we did not declare must still hear something. */
  const refuse = (id: string | number): Promise<unknown> =>
    endpoint
      .post({
        body: errorText(id, { code: -32601, message: "Method not found" }),
        headers: headersOfSession(wire.session),
        signal: limit(),
      })
      .catch(() => undefined);
  return wire;
}

function resultOf(method: string, answer: Answer, response: ResponseMessage | undefined): JsonObject {
  const refused = answer.kind === "refused" ? toMessage({ jsonrpc: "2.0", ...answer.body }) : undefined;
  const outcome = response?.outcome ?? (refused?.kind === "response" ? refused.outcome : undefined);
  if (outcome !== undefined && "error" in outcome) {
    throw failed(`${method} failed: ${outcome.error.message}`, { code: outcome.error.code });
  }
  if (outcome !== undefined) return outcome.result;
  if (answer.kind === "refused" || answer.kind === "foreign") {
    throw new TsmcpError({
      code: "http-failed",
      message: `${method}: the server answered HTTP ${answer.status}, which is not MCP`,
      hint: "check the URL, and what its server wants",
      facts: { layer: "http", status: answer.status },
    });
  }
  throw failed(`${method}: the server ended without an answer`, {});
}

function failed(message: string, facts: Readonly<Record<string, number>>): TsmcpError {
  return new TsmcpError({ code: "mcp-failed", message, facts });
}
