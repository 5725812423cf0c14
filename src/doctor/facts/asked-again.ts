import { headerOf } from "../../net/http-message.ts";
import { publicDoor } from "../attack/public-door.ts";
import type { TargetContext } from "../context.ts";
import { createCaller, type Reply } from "../probe/caller.ts";
import { plainly } from "../probe/disguise.ts";
import { look, type Sighting } from "../probe/look.ts";
import { legacyMessage, modernMessage } from "../probe/message.ts";
import type { Route } from "../probe/route.ts";
import { tailnetView } from "./tailnet-view.ts";
import { waysIn } from "./ways-in.ts";

/** What the public side lists right after the tailnet side did. */
export type AskedAgain =
  | { readonly kind: "closed"; readonly reason: string }
  | {
      readonly kind: "asked";
      readonly looks: readonly { readonly route: Route; readonly sighting: Sighting }[];
      readonly allowed: readonly string[];
      /** How the list says that it may be shared. */
      readonly claims: readonly string[];
    };

export async function askAgain(context: TargetContext, signal: AbortSignal): Promise<AskedAgain> {
  const door = await publicDoor(context);
  if (door.kind === "closed") return door;
  const [{ route: inside }, { manners }] = await Promise.all([tailnetView(context), waysIn(context)]);
  const { traffic, target } = context;
  const owner = createCaller({ route: inside, disguise: plainly, traffic, signal });
  const stranger = createCaller({ route: door.route, disguise: plainly, traffic, signal });
  const claims = new Set<string>();
  const looks: { route: Route; sighting: Sighting }[] = [];
  for (const manner of manners) {
    if (manner.opening === "legacy") await look(owner, manner);
    else {
      const reply = await owner.post(
        manner.opening === "modern" ? modernMessage("tools/list", {}) : legacyMessage("tools/list", {}, []),
      );
      for (const claim of claimsOf(reply)) claims.add(claim);
    }
    looks.push({ route: door.route, sighting: await look(stranger, manner) });
  }
  return { kind: "asked", looks, allowed: target.publicTools, claims: [...claims] };
}

function claimsOf(reply: Reply): string[] {
  if (reply.kind !== "answered" || reply.answer?.kind !== "result") return [];
  const { cacheScope } = reply.answer.result;
  const control = headerOf(reply.headers, "cache-control") ?? "";
  return [
    ...(cacheScope === "public" ? ['cacheScope: "public"'] : []),
    ...(/\bpublic\b|s-maxage/i.test(control) ? ["Cache-Control: public"] : []),
  ];
}
