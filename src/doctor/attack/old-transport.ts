import { createSseParser } from "../../mcp/sse.ts";
import type { Header } from "../../net/http-message.ts";
import type { TargetContext } from "../context.ts";
import { readAnswer } from "../probe/answer.ts";
import { createCaller, maxAnswerBytes, type Reply } from "../probe/caller.ts";
import { curl } from "../probe/curl.ts";
import type { Disguise } from "../probe/disguise.ts";
import { nothingSeen, type Sighting, toolNames } from "../probe/look.ts";
import { initializedMessage, initializeMessage, legacyMessage, type McpMessage } from "../probe/message.ts";
import type { Route } from "../probe/route.ts";
import type { Try } from "./attack.ts";

/** The first event of the old transport comes at once; a stream of the new one may say nothing for ever. */
const quietMs = 1_000;
const timeoutMs = 4_000;

/**
 * Tries the transport of 2024-11-05, which a server may still offer beside the new one: a stream that names where to post,
 * and on which the answers come.
 * Source: https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse
 */
export async function tryOldTransport(
  context: TargetContext,
  { route, path, signal }: { readonly route: Route; readonly path: string; readonly signal: AbortSignal },
): Promise<Try> {
  const disguise: Disguise = { label: `a stream at ${path}`, protocol: "auto", path, headers: [] };
  const { traffic } = context;
  const parser = createSseParser({ maxEventBytes: maxAnswerBytes });
  let tools: readonly string[] | undefined;
  let isPosting = false;
  const post = async (endpoint: string): Promise<void> => {
    const poster = createCaller({ route, disguise: { ...disguise, path: endpoint }, traffic, signal });
    for (const message of [initializeMessage(), initializedMessage([]), legacyMessage("tools/list", {}, [])]) {
      await poster.post(message);
    }
  };
  const isWhole = (piece: Buffer): boolean => {
    for (const item of parser.push(piece)) {
      if (item.kind !== "event") continue;
      const endpoint = item.type === "endpoint" && !isPosting ? endpointOf(String(item.data), route) : undefined;
      if (endpoint !== undefined) {
        isPosting = true;
        // What it comes to is told on the stream.
        post(endpoint).catch(() => {});
      }
      const answer = readAnswer(item.data, 1);
      if (answer?.kind === "result" && Array.isArray(answer.result.tools)) tools = toolNames(answer.result);
    }
    return tools !== undefined;
  };
  const caller = createCaller({ route, disguise, traffic, signal });
  const headers: readonly Header[] = [["Accept", "text/event-stream"]];
  const reply = await caller.get({ headers, isWhole, timeoutMs, quietMs });
  return {
    url: new URL(path, route.url).href,
    label: disguise.label,
    sighting: sightingOf(reply, tools),
    reproduce: () => curl({ route, disguise, message: streamRequest }),
  };
}

const streamRequest: McpMessage = {
  method: "",
  id: undefined,
  body: "",
  headers: [],
  httpMethod: "GET",
  contentType: "",
  accept: "text/event-stream",
};

/** Where to post, if that is on the same server. */
function endpointOf(text: string, route: Route): string | undefined {
  if (!URL.canParse(text, route.url.href)) return undefined;
  const endpoint = new URL(text, route.url);
  return endpoint.host === route.url.host ? `${endpoint.pathname}${endpoint.search}` : undefined;
}

function sightingOf(reply: Reply, tools: readonly string[] | undefined): Sighting {
  const base = { ...nothingSeen, opening: "none", opened: false } as const;
  if (tools !== undefined)
    return { ...base, kind: "listed", status: 200, tools: [...new Set(tools)], reason: "HTTP 200" };
  if (reply.kind === "answered")
    return { ...base, kind: "foreign", status: reply.status, reason: `HTTP ${reply.status}` };
  if (reply.kind === "held") return { ...base, kind: "held", reason: reply.reason };
  // A stream that stays open and says nothing of use is what the new transport has here.
  if (reply.kind === "failed" && reply.layer === "http" && reply.status !== undefined) {
    return { ...base, kind: "foreign", status: reply.status, reason: reply.reason };
  }
  return { ...base, kind: "broken", reason: reply.reason };
}
