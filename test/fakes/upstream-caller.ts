import type { Upstream, UpstreamCall, UpstreamCaller, UpstreamSession } from "../../src/gateway/upstream/upstream.ts";
import type { Message, RequestMessage, ResponseMessage } from "../../src/mcp/message.ts";

/** A caller as the gateway's front has it. */
export function callerNamed(key: string): UpstreamCaller {
  return {
    key,
    login: `${key}@example.com`,
    name: key,
    picture: undefined,
    node: `${key}.tailnet.ts.net`,
    stableId: `n-${key}`,
    tags: [],
    grants: [],
  };
}

export function callOf(
  key: string,
  onMessage: (message: Message) => void = () => {},
  signal: AbortSignal = new AbortController().signal,
): UpstreamCall {
  return { caller: callerNamed(key), signal, onMessage };
}

export function request(id: string | number, method: string, params: Record<string, unknown> = {}): RequestMessage {
  return { kind: "request", id, method, params };
}

export function toolCall(id: string | number, name: string, args: Record<string, unknown> = {}): RequestMessage {
  return request(id, "tools/call", { name, arguments: args });
}

export const initialize = request(0, "initialize", {
  protocolVersion: "2025-06-18",
  capabilities: { sampling: {} },
  clientInfo: { name: "test", version: "1" },
});

/** Opens a session as a caller does. Throws what it was refused with. */
export async function openSession(upstream: Upstream, key: string): Promise<UpstreamSession> {
  const opening = await upstream.open(initialize, callOf(key));
  if (opening.kind === "refused") throw new Error(JSON.stringify(opening.error));
  opening.session.notify({ kind: "notification", method: "notifications/initialized", params: undefined });
  return opening.session;
}

/** The text that a tool answered, or the error's message behind its code. */
export function textOf({ outcome }: ResponseMessage): string {
  if ("error" in outcome) return `${outcome.error.code} ${outcome.error.message}`;
  const [content] = Array.isArray(outcome.result.content) ? outcome.result.content : [];
  return typeof content?.text === "string" ? content.text : JSON.stringify(outcome.result);
}
