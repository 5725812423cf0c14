import { isObject } from "../../../core/json-object.ts";
import type { Log } from "../../../core/log.ts";
import { eraMismatch } from "../../../mcp/era-mismatch.ts";
import { objectAt, stringAt } from "../../../mcp/json.ts";
import type { RequestMessage, ResponseMessage, RpcError } from "../../../mcp/message.ts";
import { isHarmlessToRepeat, isUnknownDiscovery, methodNotFound } from "../../../mcp/method.ts";
import { headersOfArguments } from "../../../mcp/param-headers.ts";
import { headersOfMessage } from "../../../mcp/request-headers.ts";
import { createToolBook } from "../../../mcp/tool-book.ts";
import type { Header } from "../../../net/http-message.ts";
import { RequestLost } from "../../../net/origin.ts";
import type { ExactNumbers } from "../../exact-numbers.ts";
import { withCaller } from "../caller-meta.ts";
import { rpcErrorOf, UpstreamFailure } from "../failure.ts";
import { handleText, parseHandle } from "../opening-params.ts";
import { errorAnswer, maxHandleBytes, type Upstream, type UpstreamCall, type UpstreamSession } from "../upstream.ts";
import { createAsker, type Limits } from "./asker.ts";
import { connectUpstream, type HttpConnectionOptions } from "./connection.ts";
import { readAnswer } from "./read-answer.ts";
import { createHttpSession, type HttpSessionOptions, openSession } from "./session.ts";

export interface HttpUpstreamOptions extends HttpConnectionOptions {
  readonly name: string;
  readonly log: Log;
  readonly limits: Limits;
  readonly numbers?: ExactNumbers | undefined;
  readonly tellsCaller: boolean;
}

/** MCP 2026-07-28: the headers do not say what the body says. The request did not run. */
const headerMismatch = -32020;

/** Sessions that were renewed are known by the handle that the caller's id holds; the oldest make room. */
const maxKnown = 20_000;

/** Returns the server behind a URL, for callers of its era. */
export function createHttpUpstream(options: HttpUpstreamOptions): Upstream {
  const { name, limits, tellsCaller, numbers } = options;
  const closing = new AbortController();
  const connection = connectUpstream(options);
  const asker = createAsker({ connection, limits, tellsCaller });
  const tools = createToolBook();
  const known = new Map<string, { readonly session: UpstreamSession; readonly callerKey: string }>();

  const keep = (kept: Pick<HttpSessionOptions, "caller" | "handle" | "params" | "opened">): UpstreamSession => {
    const { caller, handle } = kept;
    const onEnd = (): void => void known.delete(handle);
    const session = createHttpSession({ ...options, ...kept, asker, closing: closing.signal, onEnd });
    const [oldest] = known.keys();
    if (known.size >= maxKnown && oldest !== undefined) known.delete(oldest);
    known.set(handle, { session, callerKey: caller.key });
    return session;
  };
  const paramHeaders = ({ method, params }: RequestMessage): Header[] => {
    if (method !== "tools/call") return [];
    return headersOfArguments(tools.paramHeaders(stringAt(params, "name") ?? ""), objectAt(params, "arguments"));
  };
  const post = (request: RequestMessage, { caller, signal, onMessage }: UpstreamCall): Promise<ResponseMessage> => {
    const headers = [...headersOfMessage(request, undefined), ...paramHeaders(request)];
    return asker.post(request, { headers, signal, caller }, async (answer, stage) => {
      if (isUnknownDiscovery(request, answer)) return errorAnswer(request.id, methodNotFound);
      const mismatch = eraMismatch(request, answer);
      if (mismatch !== undefined) return errorAnswer(request.id, mismatch);
      return readAnswer(answer, { id: request.id, onMessage, signal: stage.signal, numbers });
    });
  };
  /** Asks for the tools on our own account, because the headers of a call follow from the tool's schema. */
  const learnTools = async ({ params }: RequestMessage, call: UpstreamCall): Promise<void> => {
    let cursor: string | undefined;
    for (let page = 0; page < maxPages; page++) {
      const asked = { _meta: { ...objectAt(params, "_meta"), progressToken: undefined }, ...(cursor && { cursor }) };
      const question = { kind: "request", id: `tsmcp-tools-${page}`, method: "tools/list", params: asked } as const;
      const { outcome } = await post(question, { ...call, onMessage: () => {} });
      if ("error" in outcome) return;
      tools.note(outcome.result, page === 0);
      cursor = stringAt(outcome.result, "nextCursor");
      if (cursor === undefined) return;
    }
  };
  const ask = async (request: RequestMessage, call: UpstreamCall): Promise<ResponseMessage> => {
    const answer = await post(request, call);
    const { outcome } = answer;
    if ("result" in outcome && request.method === "tools/list")
      tools.note(outcome.result, request.params?.cursor === undefined);
    if ("result" in outcome || outcome.error.code !== headerMismatch || request.method !== "tools/call") return answer;
    await learnTools(request, call);
    return post(request, call);
  };
  return {
    name,
    state: () => (connection.isReachable === undefined ? "idle" : connection.isReachable ? "ready" : "failing"),
    async open(request, { caller, signal }) {
      const params = request.params ?? {};
      try {
        const attempt = () => openSession(asker, { params, caller, signal });
        const opening = await attempt().catch((error: unknown) => {
          // Nothing depends yet on the session that may have been opened.
          if (!(error instanceof RequestLost)) throw error;
          signal.throwIfAborted();
          return attempt();
        });
        if (opening.kind === "refused") return { kind: "refused", error: refusal(request, opening) };
        const { session: opened, result } = opening;
        const handle = handleText({ session: opened }, params);
        if (Buffer.byteLength(handle) > maxHandleBytes)
          throw new UpstreamFailure("protocol", "has session ids that are too long");
        return { kind: "opened", session: keep({ caller, handle, params, opened }), result };
      } catch (error) {
        signal.throwIfAborted();
        return { kind: "refused", error: rpcErrorOf(error, name) };
      }
    },
    resume(handle, caller) {
      const found = known.get(handle);
      if (found !== undefined) return found.callerKey === caller.key ? found.session : undefined;
      const parsed = parseHandle(handle);
      if (parsed === undefined || !isObject(parsed.session)) return undefined;
      const { params, session } = parsed;
      const opened = { id: stringAt(session, "id"), protocolVersion: stringAt(session, "protocolVersion") };
      return keep({ caller, handle, params, opened });
    },
    async request(request, call) {
      const asked = { ...request, params: withCaller(request.params, undefined) };
      try {
        return await ask(asked, call).catch((error: unknown) => {
          const mayRepeat = isHarmlessToRepeat(request.method) && request.method !== "subscriptions/listen";
          if (!(error instanceof RequestLost) || !mayRepeat) throw error;
          call.signal.throwIfAborted();
          return ask(asked, call);
        });
      } catch (error) {
        call.signal.throwIfAborted();
        return errorAnswer(request.id, rpcErrorOf(error, name));
      }
    },
    close() {
      closing.abort(new Error("the gateway is ending"));
      connection.close();
      return Promise.resolve();
    },
  };
}

const maxPages = 100;

function refusal(
  request: RequestMessage,
  { answer, response }: { answer: Parameters<typeof eraMismatch>[1]; response: ResponseMessage },
): RpcError {
  const own = "error" in response.outcome ? response.outcome.error : methodNotFound;
  return eraMismatch(request, answer) ?? own;
}
