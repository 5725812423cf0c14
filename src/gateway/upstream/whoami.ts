import { version } from "../../core/version.ts";
import { legacyVersions, modernVersion, newestLegacyVersion } from "../../mcp/era.ts";
import { type JsonObject, stringAt } from "../../mcp/json.ts";
import type { RequestMessage, ResponseMessage } from "../../mcp/message.ts";
import { methodNotFound } from "../../mcp/method.ts";
import { errorAnswer, type Upstream, type UpstreamCaller, type UpstreamSession } from "./upstream.ts";

const serverInfo = { name: "tsmcp-whoami", version };
const capabilities = { tools: {} };

const text = { type: "string" };
const greet = {
  name: "greet",
  title: "Who am I?",
  description: "Tells who you are to the servers behind this gateway: your login, node, tags and grants.",
  inputSchema: { type: "object", properties: {}, additionalProperties: false },
  outputSchema: {
    type: "object",
    properties: {
      login: text,
      name: text,
      picture: text,
      node: text,
      tags: { type: "array", items: text },
      grants: { type: "array", items: { type: "object" } },
    },
    required: ["node", "tags", "grants"],
  },
  annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false },
};

/** Returns the built-in server whose tool tells callers who they are to it. It keeps nothing, and knows both eras. */
export function createWhoami(name: string): Upstream {
  return {
    name,
    state: () => "ready",
    open: (request) =>
      Promise.resolve({
        kind: "opened",
        session: newSession(),
        result: { protocolVersion: agreedVersion(request), capabilities, serverInfo },
      }),
    resume: (handle) => (handle === handleText ? newSession() : undefined),
    request: (request, { caller }) => Promise.resolve(answer(request, caller, "modern")),
    close: () => Promise.resolve(),
  };
}

const handleText = "whoami";

function newSession(): UpstreamSession {
  return {
    handle: handleText,
    request: (request, call) => Promise.resolve(answer(request, call.caller, "legacy")),
    notify: () => {},
    respond: () => {},
    listen: () => Promise.resolve("refused"),
    end: () => Promise.resolve(),
  };
}

function answer(request: RequestMessage, caller: UpstreamCaller, era: "legacy" | "modern"): ResponseMessage {
  const result = resultOf(request, caller, era);
  if (result === undefined) return errorAnswer(request.id, methodNotFound);
  if (result === "no such tool") return errorAnswer(request.id, { code: -32602, message: "Unknown tool" });
  return { kind: "response", id: request.id, outcome: { result } };
}

function resultOf(
  { method, params }: RequestMessage,
  caller: UpstreamCaller,
  era: "legacy" | "modern",
): JsonObject | "no such tool" | undefined {
  const complete = era === "modern" ? { resultType: "complete" } : {};
  const notCached = era === "modern" ? { ...complete, ttlMs: 0, cacheScope: "private" } : {};
  if (method === "server/discover" && era === "modern") {
    return { ...notCached, supportedVersions: [modernVersion], capabilities, serverInfo };
  }
  if (method === "ping" && era === "legacy") return {};
  if (method === "tools/list") return { ...notCached, tools: [greet] };
  if (method !== "tools/call") return undefined;
  if (stringAt(params, "name") !== greet.name) return "no such tool";
  const { login, name, picture, node, tags, grants } = caller;
  const structuredContent = {
    ...(login === undefined ? {} : { login }),
    ...(name === undefined ? {} : { name }),
    ...(picture === undefined ? {} : { picture }),
    ...{ node, tags, grants },
  };
  return { ...complete, content: [{ type: "text", text: greeting(caller) }], structuredContent };
}

function greeting({ login, name, picture, node, tags, grants }: UpstreamCaller): string {
  return [
    `Hello ${name ?? login ?? node}!`,
    ...(login === undefined ? [] : [`login: ${login}`]),
    ...(picture === undefined ? [] : [`picture: ${picture}`]),
    `node: ${node}`,
    `tags: ${tags.length === 0 ? "none" : tags.join(", ")}`,
    `grants: ${grants.length === 0 ? "none" : JSON.stringify(grants)}`,
  ].join("\n");
}

/** A version that the server does not know is answered with the newest that it does. */
function agreedVersion({ params }: RequestMessage): string {
  const asked = stringAt(params, "protocolVersion") ?? "";
  return legacyVersions.includes(asked) ? asked : newestLegacyVersion;
}
