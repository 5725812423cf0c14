import { isObject } from "../core/json-object.ts";
import { timeoutSignal } from "../core/timeout-signal.ts";
import { modernMeta, modernVersion, newestLegacyVersion } from "../mcp/era.ts";
import type { Upstream, UpstreamCall, UpstreamCaller } from "./upstream/upstream.ts";

/** What came of asking an upstream. */
export interface Probed {
  readonly status: "pass" | "fail";
  readonly message: string;
}

const caller: UpstreamCaller = {
  key: "check",
  login: undefined,
  name: undefined,
  picture: undefined,
  node: "gateway-check",
  stableId: "check",
  tags: [],
  grants: [],
};

/** Asks an upstream for its tools, as a caller of its own, in the era that it knows. Rejects when it is not done in time. */
export async function probeUpstream(
  upstream: Upstream,
  { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<Probed> {
  const ending = AbortSignal.any([signal, timeoutSignal(timeoutMs)]);
  const call: UpstreamCall = { caller, signal: ending, onMessage: () => {} };
  const params = {
    protocolVersion: newestLegacyVersion,
    capabilities: {},
    clientInfo: { name: "tsmcp-check", version: "1" },
  };
  const opening = await upstream.open({ kind: "request", id: 1, method: "initialize", params }, call);
  if (opening.kind === "opened") {
    const { session } = opening;
    session.notify({ kind: "notification", method: "notifications/initialized", params: undefined });
    const answer = await session.request({ kind: "request", id: 2, method: "tools/list", params: {} }, call);
    await session.end();
    return lineOf(answer.outcome, "legacy");
  }
  const asked = { _meta: modernMeta(modernVersion) };
  const answer = await upstream.request({ kind: "request", id: 3, method: "tools/list", params: asked }, call);
  // Neither era: the first refusal says more.
  return "error" in answer.outcome
    ? { status: "fail", message: opening.error.message }
    : lineOf(answer.outcome, "modern");
}

function lineOf(
  outcome: { readonly result: unknown } | { readonly error: { readonly message: string } },
  era: string,
): Probed {
  if ("error" in outcome) return { status: "fail", message: outcome.error.message };
  const tools = isObject(outcome.result) && Array.isArray(outcome.result.tools) ? outcome.result.tools.length : 0;
  return { status: "pass", message: `${tools} tools, ${era} era` };
}
