import { approach } from "../attack/approach.ts";
import type { Attack, Try } from "../attack/attack.ts";
import type { TargetContext } from "../context.ts";
import { tailnetView } from "../facts/tailnet-view.ts";
import { createCaller } from "../probe/caller.ts";
import { plainly } from "../probe/disguise.ts";
import { look, type Sighting } from "../probe/look.ts";
import type { Route } from "../probe/route.ts";
import { laboratoryOf } from "./smuggle.ts";

/** tailscaled keeps two connections; so many at once have some that are new, and leave no old one behind. */
const atOnce = 6;

/**
 * Asks for the tools from the internet over connections that somebody of the tailnet used before, and the other way round:
 * tailscaled keeps its connections to a server for whoever comes next.
 */
export async function takeOver(context: TargetContext, signal: AbortSignal): Promise<Attack> {
  laboratoryOf(context);
  const open = await approach(context);
  if (open.kind !== "open") return open;
  const { route: inside, sighting } = await tailnetView(context);
  const lookFrom = (route: Route): Promise<Sighting> =>
    look(createCaller({ route, disguise: plainly, traffic: context.traffic, signal }), sighting.opening);
  const together = (route: Route): Promise<Sighting[]> =>
    Promise.all(Array.from({ length: atOnce }, () => lookFrom(route)));
  const before = await together(inside);
  const outside: Sighting[] = [];
  for (let more = 0; more < atOnce; more += 1) outside.push(await lookFrom(open.route));
  await together(open.route);
  const after = await together(inside);
  const tools = new Set([sighting, ...before, ...after].flatMap((seen) => seen.tools));
  return {
    kind: "tried",
    tries: [
      ...outside.map((seen) => tryOf(open.route, seen, "an ordinary request, after the tailnet's")),
      ...[...before, ...after].map((seen) => ({
        ...tryOf(inside, { ...seen, tools: [] }, "an ordinary request, before the tailnet's"),
        hole: missingText([...tools].filter((tool) => !seen.tools.includes(tool)).length),
      })),
    ],
    allowed: open.allowed,
  };
}

function missingText(missing: number): string | undefined {
  return missing === 0 ? undefined : `keeps ${missing} tools from the tailnet, on a connection that it used before`;
}

function tryOf(route: Route, sighting: Sighting, label: string): Try {
  const line = `curl -sS -m 10 ${route.curl.join(" ")} '${route.url.href}'`;
  return { url: route.url.href, label, sighting, reproduce: () => `# again and again, from both sides: ${line}` };
}
