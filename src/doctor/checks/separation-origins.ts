import { headerOf } from "../../net/http-message.ts";
import { type Outcome, targetCheck } from "../check.ts";
import type { TargetContext } from "../context.ts";
import { tailnetView } from "../facts/tailnet-view.ts";
import { createCaller } from "../probe/caller.ts";
import { curl } from "../probe/curl.ts";
import { type Disguise, plainly } from "../probe/disguise.ts";
import { legacyMessage, modernMessage } from "../probe/message.ts";

/** What a page of another site gets out of the tailnet side, in the browser of somebody on the tailnet. */
interface Origins {
  readonly status: number | undefined;
  /** A text/plain message of another origin was acted on: browsers send it without asking first. */
  readonly isActedOn: boolean;
  /** The other origin may read the answer. */
  readonly isReadable: boolean;
  readonly reason: string;
  readonly reproduce: string;
}

const foreignOrigin = "https://attacker.example";

export const separationOrigins = targetCheck<Origins>({
  id: "separation.origins",
  group: "separation",
  title: "a page of another site gets nothing out of the tailnet side",
  needs: ["tailnet.tools"],
  timeoutMs: 15_000,
  source: "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning",
  explain: {
    proves: "A text/plain message with a foreign Origin, as any web page may send it, is refused on 8443.",
    breaks:
      "A server that takes every content type and looks at no Origin: a web page that somebody on the tailnet opens calls tools with that person's rights.",
    mend: "Refuse an Origin that is not on a list, and every content type but application/json.",
  },
  gather: askAsPage,
  judge: judgeOrigins,
});

export function judgeOrigins({ status, isActedOn, isReadable, reason, reproduce }: Origins): Outcome {
  const facts = { status: status ?? null };
  if (status === undefined) return { status: "unknown", message: reason, facts };
  if (!isActedOn) return { status: "pass", message: `refused (${reason})`, facts };
  const more = isReadable ? ", and may read the answer" : "";
  return {
    status: "warn",
    message: `the tailnet side acts on what a page of another site sends${more}`,
    facts: { ...facts, why: separationOrigins.explain.breaks },
    reproduce,
    hint: "refuse an Origin that is not on a list, and every content type but application/json",
  };
}

async function askAsPage(context: TargetContext, signal: AbortSignal): Promise<Origins> {
  const { route, sighting } = await tailnetView(context);
  const list = sighting.opening === "modern" ? modernMessage("tools/list", {}) : legacyMessage("tools/list", {}, []);
  const message = { ...list, contentType: "text/plain" };
  const disguise: Disguise = { label: "a page", protocol: "auto", headers: [["Origin", foreignOrigin]] };
  const caller = createCaller({ route, disguise, traffic: context.traffic, signal });
  const reply = await caller.post(message);
  const reproduce = curl({ route, disguise: { ...plainly, headers: disguise.headers }, message });
  if (reply.kind !== "answered") {
    return { status: undefined, isActedOn: false, isReadable: false, reason: reply.reason, reproduce };
  }
  const allowed = headerOf(reply.headers, "access-control-allow-origin") ?? "";
  return {
    status: reply.status,
    isActedOn: reply.answer?.kind === "result",
    isReadable: allowed === "*" || allowed === foreignOrigin,
    reason: `HTTP ${reply.status}`,
    reproduce,
  };
}
