import { isObject } from "../../core/json-object.ts";
import type { Header } from "../../net/http-message.ts";
import { headerOf } from "../../net/http-message.ts";
import { plainText } from "../plain-text.ts";
import type { McpAnswer } from "./answer.ts";
import type { Caller, FailureLayer, Reply } from "./caller.ts";
import {
  initializedMessage,
  initializeMessage,
  legacyMessage,
  type McpMessage,
  modernMessage,
  sessionHeaders,
} from "./message.ts";
import { type Redirect, redirectOf } from "./redirect.ts";
import type { Route } from "./route.ts";

/** How a client begins: `initialize`, `server/discover`, or with the request itself. */
export type Opening = "legacy" | "modern" | "none";

/** What one caller got to see. */
export interface Sighting {
  readonly opening: Opening;
  readonly kind: /** A tool list, maybe an empty one. */
    | "listed"
    /** An MCP server that opened, or spoke JSON-RPC, and gave no list. */
    | "unlisted"
    /** 401 or 403. */
    | "refused"
    /** An answer without MCP in it. */
    | "foreign"
    /** Sent elsewhere, where nobody went. */
    | "redirected"
    /** 5xx, or an answer that could not be read to its end. */
    | "broken"
    | "unreachable"
    /** The request cannot be made of this server; see `Reply`. */
    | "inapplicable"
    | "held";
  readonly opened: boolean;
  /** Whether the server keeps sessions. */
  readonly session: boolean;
  /** Whether it gave its list only after the client said that it is initialized. */
  readonly confirmed: boolean;
  readonly serverName: string | undefined;
  /** Stripped names, at most `maxTools`. */
  readonly tools: readonly string[];
  /** What asks for the second page of the list, where there is one. */
  readonly cursor?: string | undefined;
  readonly status: number | undefined;
  readonly layer: FailureLayer | undefined;
  /** The server's clock, as its Date header tells it. */
  readonly date?: string | undefined;
  readonly redirect: Redirect | undefined;
  /** What came back, in a few words. */
  readonly reason: string;
}

const maxTools = 2_000;
const maxPages = 10;
const maxNameChars = 128;
const maxCursorChars = 4_096;
/** https://modelcontextprotocol.io/specification/2026-07-28/schema#unsupportedprotocolversionerror */
const unsupportedVersion = -32022;

/** How to open where there is a choice. */
export interface Manner {
  readonly opening: Opening;
  /** The legacy version to open with. */
  readonly version?: string;
  /** Says that it is initialized before it asks, which most servers do not wait for. */
  readonly confirms?: boolean;
  /** Asks for the list only within a session: where nothing is listed without one, an opening that gives none says it all. */
  readonly wantsSession?: boolean;
}

/**
 * Returns what `caller` sees of the tools when it opens in this way; `legacy` goes on as `modern` where the server says
 * that it knows nothing older. A session that it opened is ended.
 */
export async function look(caller: Caller, manner: Opening | Manner): Promise<Sighting> {
  const how = typeof manner === "string" ? { opening: manner } : manner;
  const seen = await lookOnce(caller, how);
  // The first packets after a pause can be lost while the relay connects anew: tailscale/tailscale#19791.
  return isLost(seen) ? lookOnce(caller, how) : seen;
}

function isLost({ kind, status, layer }: Sighting): boolean {
  return status === undefined && (kind === "broken" || (kind === "unreachable" && layer === "connect"));
}

async function lookOnce(caller: Caller, manner: Manner): Promise<Sighting> {
  const { opening, version, confirms = false, wantsSession = false } = manner;
  if (opening === "none") {
    const headers = version === undefined ? [] : sessionHeaders({ id: undefined, version });
    return list(caller, { opening, opened: false }, { headers, confirms: false });
  }
  if (opening === "modern") return lookModern(caller);
  const reply = await caller.post(initializeMessage(version));
  const answer = reply.kind === "answered" ? reply.answer : undefined;
  if (answer?.kind === "error" && answer.code === unsupportedVersion) return lookModern(caller);
  if (reply.kind !== "answered" || answer?.kind !== "result") {
    return sightingOf(reply, { opening, opened: false }, caller.route);
  }
  const session = openedSession(reply.headers, answer);
  if (wantsSession && !session.session) return sightingOf(reply, { opening, opened: true, ...session }, caller.route);
  try {
    return await list(caller, { opening, opened: true, ...session }, { headers: session.headers, confirms });
  } finally {
    if (session.session) await caller.end(session.headers);
  }
}

/** Returns what `caller` sees within a session that somebody else opened. */
export function listWithin(caller: Caller, session: readonly Header[]): Promise<Sighting> {
  return list(caller, { opening: "none", opened: false }, { headers: session, confirms: false });
}

/** Returns what `caller` sees when it sends this one message, which asks for the tools in a way of its own. */
export async function lookWith(caller: Caller, message: McpMessage): Promise<Sighting> {
  const first = await caller.post(message);
  const reply = first.kind === "failed" && first.layer === "http" ? await caller.post(message) : first;
  const names = reply.kind === "answered" && reply.answer?.kind === "result" ? toolNames(reply.answer.result) : [];
  return { ...sightingOf(reply, { opening: "none", opened: false }, caller.route), tools: [...new Set(names)] };
}

interface Opened {
  readonly opening: Opening;
  readonly opened: boolean;
  readonly session?: boolean;
  readonly serverName?: string | undefined;
  readonly confirmed?: boolean;
}

/** Returns what an `initialize` result opened. */
export function openedSession(
  headers: readonly Header[],
  { result }: McpAnswer & { kind: "result" },
): { readonly session: boolean; readonly serverName: string | undefined; readonly headers: readonly Header[] } {
  const id = headerOf(headers, "mcp-session-id");
  const version = typeof result.protocolVersion === "string" ? result.protocolVersion : "2025-11-25";
  return { session: id !== undefined, serverName: serverName(result), headers: sessionHeaders({ id, version }) };
}

async function lookModern(caller: Caller): Promise<Sighting> {
  const reply = await caller.post(modernMessage("tools/list", {}));
  return follow(caller, reply, { opening: "modern", opened: hasResult(reply) }, (cursor) =>
    modernMessage("tools/list", { cursor }),
  );
}

async function list(
  caller: Caller,
  opened: Opened,
  { headers, confirms }: { readonly headers: readonly Header[]; readonly confirms: boolean },
): Promise<Sighting> {
  const next = (cursor: string): McpMessage => legacyMessage("tools/list", { cursor }, headers);
  if (confirms) await caller.post(initializedMessage(headers));
  const reply = await caller.post(legacyMessage("tools/list", {}, headers));
  if (confirms || !opened.opened || hasResult(reply) || reply.kind !== "answered") {
    return follow(caller, reply, { ...opened, confirmed: confirms }, next);
  }
  // Some servers answer nothing before this notification; most do, and a probe should be cheap.
  await caller.post(initializedMessage(headers));
  const second = await caller.post(legacyMessage("tools/list", {}, headers));
  return follow(caller, second, { ...opened, confirmed: hasResult(second) }, next);
}

/** Reads the pages that follow the first. */
async function follow(
  caller: Caller,
  first: Reply,
  opened: Opened,
  next: (cursor: string) => McpMessage,
): Promise<Sighting> {
  const names: string[] = [];
  let reply = first;
  let cursor: string | undefined;
  for (let page = 1; ; page++) {
    if (reply.kind !== "answered" || reply.answer?.kind !== "result") break;
    names.push(...toolNames(reply.answer.result));
    const { nextCursor } = reply.answer.result;
    if (typeof nextCursor !== "string" || page === maxPages || names.length >= maxTools) break;
    if (page === 1 && nextCursor.length <= maxCursorChars) cursor = nextCursor;
    reply = await caller.post(next(nextCursor));
  }
  // A list that was not read to its end for want of requests says nothing of what is missing in it.
  const told = reply.kind === "held" ? reply : first;
  const seen = sightingOf(told, opened, caller.route);
  return { ...seen, cursor, tools: [...new Set(names)].slice(0, maxTools) };
}

function sightingOf(reply: Reply, opened: Opened, route: Route): Sighting {
  const base = { ...nothingSeen, ...opened };
  if (reply.kind === "held" || reply.kind === "inapplicable")
    return { ...base, kind: reply.kind, reason: reply.reason };
  if (reply.kind === "failed") {
    const kind = reply.layer === "http" ? "broken" : "unreachable";
    return { ...base, kind, layer: reply.layer, reason: reply.reason };
  }
  const { status, answer } = reply;
  const date = headerOf(reply.headers, "date");
  const redirect = redirectOf(reply, route);
  if (redirect !== undefined) {
    return { ...base, kind: "redirected", status, redirect, reason: `HTTP ${status} to ${redirect.shown}` };
  }
  const reason = `HTTP ${status}${answer?.kind === "error" ? `, ${plainText(answer.message, 120)} (${answer.code})` : ""}`;
  const seen = { ...base, status, date, reason };
  if (answer?.kind === "result") {
    return Array.isArray(answer.result.tools) ? { ...seen, kind: "listed" } : { ...seen, kind: "unlisted" };
  }
  if (status === 401 || status === 403) return { ...seen, kind: "refused" };
  if (status >= 500) return { ...seen, kind: "broken" };
  return { ...seen, kind: answer === undefined && !opened.opened ? "foreign" : "unlisted" };
}

export const nothingSeen = {
  session: false,
  confirmed: false,
  serverName: undefined,
  tools: [],
  status: undefined,
  layer: undefined,
  redirect: undefined,
} as const;

function hasResult(reply: Reply): boolean {
  return reply.kind === "answered" && reply.answer?.kind === "result";
}

export function toolNames({ tools }: Readonly<Record<string, unknown>>): string[] {
  if (!Array.isArray(tools)) return [];
  return tools
    .slice(0, maxTools)
    .map((tool: unknown) =>
      isObject(tool) && typeof tool.name === "string" ? plainText(tool.name, maxNameChars) : "?",
    );
}

function serverName({ serverInfo }: Readonly<Record<string, unknown>>): string | undefined {
  return isObject(serverInfo) && typeof serverInfo.name === "string"
    ? plainText(serverInfo.name, maxNameChars)
    : undefined;
}
