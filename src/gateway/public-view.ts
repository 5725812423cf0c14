import { isModernVersion, legacyVersions, modernVersion, modernVersionOf, newestLegacyVersion } from "../mcp/era.ts";
import type { JsonObject } from "../mcp/json.ts";
import { stringAt } from "../mcp/json.ts";
import { errorText, type Message, type MessageId, type RequestMessage, resultText } from "../mcp/message.ts";
import type { Incoming } from "./incoming.ts";
import { methodNotFound } from "./screen-request.ts";

/** A whole answer; without a body there is no text. */
export interface PlainAnswer {
  readonly status: number;
  readonly body?: Buffer;
  /** The caller does not get what it asked for, whatever the status says. */
  readonly isRefusal?: true;
}

/**
 * The name is another than that of any upstream, and the same everywhere: clients keep what they cache under it.
 * The version says nothing of the gateway's.
 */
const serverInfo = { name: "tsmcp-public", version: "1.0.0" };

const capabilities = { tools: {}, prompts: {}, resources: {} };

const lists: Readonly<Record<string, string>> = {
  "tools/list": "tools",
  "prompts/list": "prompts",
  "resources/list": "resources",
  "resources/templates/list": "resourceTemplates",
};

/** Returns what the internet is answered: constant but for the id, the version and the opened `tools`. Pure; asks nobody. */
export function publicAnswer(incoming: Incoming, tools: readonly JsonObject[] = []): PlainAnswer {
  return answerFrom(incoming, { serverInfo, tools });
}

interface ServerInfo {
  readonly name: string;
  readonly version: string;
}

interface Answerer {
  readonly serverInfo: ServerInfo;
  readonly tools: readonly JsonObject[];
}

/** Returns the answer of a server of that name that has nothing. */
export function emptyAnswer(incoming: Incoming, named: ServerInfo): PlainAnswer {
  return answerFrom(incoming, { serverInfo: named, tools: [] });
}

function answerFrom(incoming: Incoming, answerer: Answerer): PlainAnswer {
  switch (incoming.kind) {
    case "invalid":
      return { status: 400, body: errorText(incoming.id, { code: incoming.code, message: "Invalid request" }) };
    case "batch":
      return { status: 400, body: errorText(null, { code: -32600, message: "Invalid request" }) };
    case "one":
      return answerTo(incoming.message, answerer);
  }
}

/** What is said where the path, the method or the head is refused. */
export function publicRefusal(status: number): PlainAnswer {
  return { status, body: invalidRequest };
}

const invalidRequest = errorText(null, { code: -32600, message: "Invalid request" });

function answerTo(message: Message, answerer: Answerer): PlainAnswer {
  if (message.kind !== "request") return { status: 202 };
  const version = modernVersionOf(message);
  if (version !== undefined && version !== modernVersion) return unsupportedVersion(message.id, version);
  const isModern = version !== undefined;
  const result = isModern ? modernResult(message, answerer) : legacyResult(message, answerer);
  if (result !== undefined) return { status: 200, body: resultText(message.id, result) };
  return { status: isModern ? 404 : 200, body: errorText(message.id, methodNotFound), isRefusal: true };
}

function legacyResult(
  { method, params }: RequestMessage,
  { serverInfo: named, tools }: Answerer,
): JsonObject | undefined {
  if (method === "initialize") return { protocolVersion: versionFor(params), capabilities, serverInfo: named };
  const list = listOf(method);
  return list === undefined ? undefined : { [list]: list === "tools" ? tools : [] };
}

/** Source: MCP 2026-07-28 server/discover and SEP-2549. */
function modernResult({ method }: RequestMessage, { serverInfo: named, tools }: Answerer): JsonObject | undefined {
  const _meta = { "io.modelcontextprotocol/serverInfo": named };
  const always = { resultType: "complete", ttlMs: 0, cacheScope: "private", _meta };
  if (method === "server/discover") return { supportedVersions: [modernVersion], capabilities, ...always };
  const list = listOf(method);
  return list === undefined ? undefined : { [list]: list === "tools" ? tools : [], ...always };
}

function listOf(method: string): string | undefined {
  return Object.hasOwn(lists, method) ? lists[method] : undefined;
}

/** Returns the version to answer `initialize` with: what was asked for, where it is a legacy one that exists. */
export function versionFor(params: JsonObject | undefined): string {
  const asked = stringAt(params, "protocolVersion");
  return asked !== undefined && legacyVersions.includes(asked) ? asked : newestLegacyVersion;
}

/** Returns the refusal of a version nobody here knows. Source: MCP 2026-07-28 basic/versioning. */
export function unsupportedVersion(id: MessageId, requested: string): PlainAnswer {
  const supported = isModernVersion(requested) ? [modernVersion] : legacyVersions;
  return {
    status: 400,
    body: errorText(id, { code: -32022, message: "Unsupported protocol version", data: { supported, requested } }),
  };
}
