import type { LockedServer } from "../../config/lock.ts";
import { isObject } from "../../core/json-object.ts";
import type { Secret } from "../../core/secrets.ts";
import { type JsonObject, objectAt, stringAt } from "../../mcp/json.ts";
import type { Header } from "../../net/http-message.ts";
import type { TargetContext } from "../context.ts";
import { observation } from "../observation.ts";
import { type Caller, createCaller, type Reply } from "../probe/caller.ts";
import { plainly } from "../probe/disguise.ts";
import { openedSession } from "../probe/look.ts";
import {
  initializedMessage,
  initializeMessage,
  legacyMessage,
  type McpMessage,
  modernMessage,
  modernVersion,
} from "../probe/message.ts";
import { tailnetView } from "./tailnet-view.ts";

/** A server as the lock keeps it, or why it could not be had whole. */
export type ServerSnapshot =
  | { readonly kind: "taken"; readonly server: LockedServer }
  | { readonly kind: "untold"; readonly reason: string };

const maxPages = 100;

/** What the server on the tailnet side says of itself, and its tools with their whole definitions. */
export const serverSnapshot = observation(async (context: TargetContext): Promise<ServerSnapshot> => {
  const { route, sighting } = await tailnetView(context);
  const caller = createCaller({ route, disguise: plainly, traffic: context.traffic, signal: context.machine.signal });
  const url = context.target.server.tailnetUrl;
  const snapshot = await (sighting.opening === "modern" ? takeModern(caller, url) : takeLegacy(caller, url));
  const secrets = context.machine.request.headers.flatMap((header) => header.secrets);
  return snapshot.kind === "taken" ? { kind: "taken", server: without(secrets, snapshot.server) } : snapshot;
});

/** A server may tell what it was sent, and the lock is committed. */
function without(secrets: readonly Secret[], server: LockedServer): LockedServer {
  const strike = (_key: string, value: unknown): unknown =>
    typeof value === "string"
      ? secrets.reduce((text, secret) => text.replaceAll(secret.reveal(), "[secret]"), value)
      : value;
  return secrets.length === 0 ? server : JSON.parse(JSON.stringify(server, strike));
}

async function takeLegacy(caller: Caller, url: string): Promise<ServerSnapshot> {
  const reply = await caller.post(initializeMessage());
  const result = resultOf(reply);
  if (result === undefined || reply.kind !== "answered" || reply.answer?.kind !== "result") return untold(reply);
  const session = openedSession(reply.headers, reply.answer);
  try {
    await caller.post(initializedMessage(session.headers));
    const version = stringAt(result, "protocolVersion") ?? "";
    return await withTools(caller, { url, result, version }, (params) => within(params, session.headers));
  } finally {
    if (session.session) await caller.end(session.headers);
  }
}

async function takeModern(caller: Caller, url: string): Promise<ServerSnapshot> {
  const reply = await caller.post(modernMessage("server/discover", {}));
  const result = resultOf(reply);
  if (result === undefined) return untold(reply);
  return withTools(caller, { url, result, version: modernVersion }, (params) => modernMessage("tools/list", params));
}

function within(params: object, session: readonly Header[]): McpMessage {
  return legacyMessage("tools/list", params, session);
}

async function withTools(
  caller: Caller,
  { url, result, version }: { readonly url: string; readonly result: JsonObject; readonly version: string },
  list: (params: object) => McpMessage,
): Promise<ServerSnapshot> {
  const tools: JsonObject[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const reply = await caller.post(list(cursor === undefined ? {} : { cursor }));
    const listed = resultOf(reply);
    if (listed === undefined || !Array.isArray(listed.tools)) return untold(reply);
    tools.push(...listed.tools.filter(isTool));
    cursor = stringAt(listed, "nextCursor");
    if (cursor === undefined) break;
  }
  const instructions = stringAt(result, "instructions");
  return {
    kind: "taken",
    server: {
      url,
      protocolVersion: version,
      serverInfo: objectAt(result, "serverInfo") ?? {},
      capabilities: objectAt(result, "capabilities") ?? {},
      ...(instructions === undefined ? {} : { instructions }),
      tools,
    },
  };
}

function resultOf(reply: Reply): JsonObject | undefined {
  return reply.kind === "answered" && reply.answer?.kind === "result" ? reply.answer.result : undefined;
}

function untold(reply: Reply): ServerSnapshot {
  return { kind: "untold", reason: reply.kind === "answered" ? `HTTP ${reply.status}` : reply.reason };
}

function isTool(value: unknown): value is JsonObject {
  return isObject(value) && typeof value.name === "string";
}
