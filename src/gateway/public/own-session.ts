import { isObject } from "../../core/json-object.ts";
import { timeoutSignal } from "../../core/timeout-signal.ts";
import { version } from "../../core/version.ts";
import { modernMeta, modernVersion, newestLegacyVersion } from "../../mcp/era.ts";
import { type JsonObject, stringAt } from "../../mcp/json.ts";
import type { Message, RequestMessage, ResponseMessage } from "../../mcp/message.ts";
import { methodNotFound } from "../../mcp/method.ts";
import type { OnMessage, Upstream, UpstreamCall, UpstreamCaller, UpstreamSession } from "../upstream/upstream.ts";

/** The gateway's own conversation with a server, in whose name all of the internet calls. */
export interface OwnSession {
  /** Every tool of the server. Throws when the server cannot be asked. */
  tools(): Promise<readonly JsonObject[]>;
  /** Throws when the server cannot be asked. */
  call(params: JsonObject, signal: AbortSignal): Promise<ResponseMessage>;
}

/** Who calls, to a server that wants to know: nobody it could know. */
const stranger: UpstreamCaller = {
  key: "public",
  login: undefined,
  name: undefined,
  picture: undefined,
  node: "public",
  stableId: "public",
  tags: [],
  grants: [],
};

const openTimeoutMs = 60_000;
const listTimeoutMs = 30_000;
const maxPages = 100;

type Way = { readonly era: "legacy"; readonly session: UpstreamSession } | { readonly era: "modern" };

/**
 * Returns the session, which is opened with the first use, in whichever era the server has. Whatever the server says of its
 * own accord ends here, but for a change of its tools, which `onChange` is told of; what it asks is refused.
 */
export function createOwnSession(
  upstream: Upstream,
  { onChange, signal }: { readonly onChange: () => void; readonly signal: AbortSignal },
): OwnSession {
  let opening: Promise<Way> | undefined;
  let lastId = 0;
  const request = (method: string, params: JsonObject): RequestMessage => {
    lastId += 1;
    return { kind: "request", id: lastId, method, params };
  };
  const hear =
    (session: UpstreamSession | undefined): OnMessage =>
    (message: Message) => {
      if (message.kind === "request") {
        session?.respond({ kind: "response", id: message.id, outcome: { error: methodNotFound } });
      } else if (message.kind === "notification" && message.method === "notifications/tools/list_changed") onChange();
    };
  const call = (ending: AbortSignal, session?: UpstreamSession): UpstreamCall => ({
    caller: stranger,
    signal: AbortSignal.any([ending, signal]),
    onMessage: hear(session),
  });
  const open = async (): Promise<Way> => {
    const clientInfo = { name: "tsmcp-gateway", version };
    const params = { protocolVersion: newestLegacyVersion, capabilities: {}, clientInfo };
    const ending = timeoutSignal(openTimeoutMs);
    const opened = await upstream.open(request("initialize", params), call(ending));
    if (opened.kind === "opened") {
      const { session } = opened;
      session.notify({ kind: "notification", method: "notifications/initialized", params: undefined });
      void session.listen({ onMessage: hear(session), signal }).catch(() => {});
      return { era: "legacy", session };
    }
    const asked = request("server/discover", { _meta: modernMeta(modernVersion) });
    const found = await upstream.request(asked, call(ending));
    // Neither era: the first refusal says more.
    if ("error" in found.outcome) throw new Error(opened.error.message);
    return { era: "modern" };
  };
  const way = (): Promise<Way> => {
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
  const ask = async (method: string, params: JsonObject, ending: AbortSignal): Promise<ResponseMessage> => {
    const known = await way();
    if (known.era === "legacy") return known.session.request(request(method, params), call(ending, known.session));
    return upstream.request(request(method, { ...params, _meta: modernMeta(modernVersion) }), call(ending));
  };
  /** The server may be another by now, of the other era: the next look begins anew. */
  const forget = async (): Promise<void> => {
    const before = await opening?.catch(() => undefined);
    opening = undefined;
    if (before?.era === "legacy") await before.session.end().catch(() => {});
  };
  const list = async (): Promise<readonly JsonObject[]> => {
    const tools: JsonObject[] = [];
    let cursor: string | undefined;
    const ending = timeoutSignal(listTimeoutMs);
    for (let page = 0; page < maxPages; page++) {
      const { outcome } = await ask("tools/list", cursor === undefined ? {} : { cursor }, ending);
      if ("error" in outcome) throw new Error(outcome.error.message);
      if (Array.isArray(outcome.result.tools)) tools.push(...outcome.result.tools.filter(isObject));
      cursor = stringAt(outcome.result, "nextCursor");
      if (cursor === undefined) break;
    }
    return tools;
  };
  return {
    async tools() {
      try {
        return await list();
      } catch (error) {
        await forget();
        throw error;
      }
    },
    call: (params, ending) => ask("tools/call", params, ending),
  };
}
