import { objectAt, stringAt } from "../../mcp/json.ts";
import type { RequestMessage } from "../../mcp/message.ts";
import type { Side } from "./journal.ts";

/** A span as `traceparent` names it. */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

/** Source: W3C Trace Context § 3.2. */
const w3c = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Returns the span that a caller says it is in, by its header or its message. The internet says nothing that counts. */
export function parentOf(asked: {
  readonly view: Side;
  readonly traceparent: string | undefined;
  readonly request: RequestMessage | undefined;
}): TraceParent | undefined {
  if (asked.view === "public") return undefined;
  return readTraceParent(asked.traceparent ?? stringAt(objectAt(asked.request?.params, "_meta"), "traceparent") ?? "");
}

export function readTraceParent(text: string): TraceParent | undefined {
  const [, traceId = "", spanId = "", flags = ""] = w3c.exec(text) ?? [];
  if (!/[1-9a-f]/.test(traceId) || !/[1-9a-f]/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1 };
}

export function traceParentText({ traceId, spanId, traceFlags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${traceFlags === 1 ? "01" : "00"}`;
}

/**
 * Returns the request as the server is to have it: below the span that is ours. What its caller says of another trace goes.
 * Source: MCP SEP-414, `_meta` of requests.
 */
export function belowSpan(request: RequestMessage, span: TraceParent): RequestMessage {
  const { tracestate, ...meta } = objectAt(request.params, "_meta") ?? {};
  const claimed = readTraceParent(stringAt(meta, "traceparent") ?? "");
  const isSame = claimed?.traceId === span.traceId && tracestate !== undefined;
  const _meta = { ...meta, ...(isSame ? { tracestate } : {}), traceparent: traceParentText(span) };
  return { ...request, params: { ...request.params, _meta } };
}
