import { stringAt } from "../../mcp/json.ts";
import type { RequestMessage } from "../../mcp/message.ts";
import type { UpstreamRights } from "../rights.ts";
import { needOf } from "../screen-request.ts";

/** Whether a caller might, and what made it so. */
export interface Decision {
  readonly allowed: boolean;
  /** Such as `rules[0]` or `grant 1`; several where the request is about no single thing. */
  readonly rule: string;
}

/** Returns how a request was decided. Without `rights` nobody was identified, or nothing was asked that there is. */
export function decisionOf(
  request: RequestMessage | undefined,
  { rights, isRefused }: { readonly rights: UpstreamRights | undefined; readonly isRefused: boolean },
): Decision {
  if (rights === undefined) return { allowed: false, rule: "public view" };
  if (!rights.some) return { allowed: false, rule: "no rule, no grant" };
  const need = request === undefined ? undefined : needOf(request.method);
  if (need === "unknown") return { allowed: false, rule: "unknown method" };
  if (isRefused) return { allowed: false, rule: "no rule, no grant" };
  const name = need === undefined ? undefined : stringAt(request?.params, need[1]);
  if (need === undefined || name === undefined) return { allowed: true, rule: rights.origins.join(" ") };
  return { allowed: true, rule: rights.because(need[0], name) ?? "the page of an allowed tool" };
}
