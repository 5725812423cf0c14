import { TsmcpError } from "../../core/errors.ts";
import type { TargetContext } from "../context.ts";
import { publicView } from "../facts/public-view.ts";
import { publicRoute, publicWay } from "../facts/public-way.ts";
import { tailnetView } from "../facts/tailnet-view.ts";
import type { Opening } from "../probe/look.ts";
import type { Route } from "../probe/route.ts";

type Door =
  | { readonly kind: "open"; readonly route: Route; readonly opening: Opening }
  | { readonly kind: "closed"; readonly reason: string };

/**
 * Returns the public way to the path at which the tailnet side answers, else to the first that opened there.
 * Throws `http-failed` where the public side cannot be reached.
 */
export async function publicDoor(context: TargetContext): Promise<Door> {
  const [way, view] = await Promise.all([publicWay(context), publicView(context)]);
  if (view.kind === "closed") return view;
  if (view.kind === "unknown") throw unreachable(view.reason);
  if (way.kind !== "open") throw unreachable("its address is not known");
  const { server } = context.target;
  const urls = (server.publicUrls ?? []).map((url) => new URL(url));
  if (context.machine.request.vantage !== "public") {
    const { asked, sighting } = await tailnetView(context);
    const same = urls.find((url) => url.pathname === new URL(asked).pathname);
    const url = same ?? urls[0];
    if (sighting.opened && url !== undefined) {
      const seen = view.looks.find((look) => look.asked === url.href);
      return { kind: "open", route: seen?.route ?? publicRoute(context, way, url), opening: sighting.opening };
    }
  }
  const known = view.looks.find(({ sighting }) => sighting.opened) ?? view.looks[0];
  if (known === undefined) return { kind: "closed", reason: "the server has no public side" };
  return { kind: "open", route: known.route, opening: known.sighting.opened ? known.sighting.opening : "legacy" };
}

/** No door to try proves nothing where it was not seen to be closed. */
function unreachable(reason: string): TsmcpError {
  return new TsmcpError({
    code: "http-failed",
    message: `the public side cannot be reached from here: ${reason}`,
    hint: "run it where the internet is reached, or name the address with --connect-to",
  });
}
