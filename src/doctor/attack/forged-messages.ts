import type { TargetContext } from "../context.ts";
import { createCaller } from "../probe/caller.ts";
import { curl, withSession } from "../probe/curl.ts";
import { type Disguise, plainly } from "../probe/disguise.ts";
import { lookWith } from "../probe/look.ts";
import type { McpMessage } from "../probe/message.ts";
import type { Route } from "../probe/route.ts";
import { approach, type OpenApproach, type Voice, voiceOf } from "./approach.ts";
import type { Attack, Try } from "./attack.ts";
import { oddMessages } from "./messages.ts";
import { tryOldTransport } from "./old-transport.ts";
import { pathDisguises } from "./paths.ts";
import { tryUpgrades } from "./upgrades.ts";

interface Siege {
  readonly open: OpenApproach;
  readonly voice: Voice;
  readonly signal: AbortSignal;
}

/** Asks the public side for the tools in every odd spelling. */
export function forgeMessages(context: TargetContext, signal: AbortSignal): Promise<Attack> {
  return besiege(context, signal, ({ open, voice }) =>
    oddMessages(voice.say("tools/list", {})).map(({ label, message, isHttp1 }) => {
      const disguise: Disguise = isHttp1 === true ? { label, protocol: "h1", headers: [] } : plainly;
      return tryMessage(context, { route: open.route, disguise, message, label, signal });
    }),
  );
}

/** Asks for the tools at other spellings of the path, and at the places where older servers have them. */
export function forgePaths(context: TargetContext, signal: AbortSignal): Promise<Attack> {
  return besiege(context, signal, ({ open, voice }) => {
    const { route, inside } = open;
    const { pathname } = route.url;
    const spellings = pathDisguises(inside, pathname === "/" ? "" : pathname).map((disguise) =>
      tryMessage(context, { route, disguise, message: voice.say("tools/list", {}), label: disguise.label, signal }),
    );
    const streams = ["/sse", inside.path].map((path) => tryOldTransport(context, { route, path, signal }));
    return [...spellings, ...streams];
  });
}

/** Asks for another protocol. */
export function forgeUpgrades(context: TargetContext, signal: AbortSignal): Promise<Attack> {
  return besiege(context, signal, ({ open }) => tryUpgrades(context, { open, signal }));
}

async function besiege(
  context: TargetContext,
  signal: AbortSignal,
  tries: (siege: Siege) => readonly Promise<Try>[],
): Promise<Attack> {
  const open = await approach(context);
  if (open.kind !== "open") return open;
  const voice = await voiceOf(context, open);
  return { kind: "tried", tries: await Promise.all(tries({ open, voice, signal })), allowed: open.allowed };
}

/** Sends one message, disguised, and tells what it saw. */
export async function tryMessage(
  context: TargetContext,
  request: {
    readonly route: Route;
    readonly disguise: Disguise;
    readonly message: McpMessage;
    readonly label: string;
    readonly signal: AbortSignal;
  },
): Promise<Try> {
  const { route, disguise, message, label, signal } = request;
  const caller = createCaller({ route, disguise, traffic: context.traffic, signal });
  return {
    url: `${route.url.origin}${disguise.path ?? route.url.pathname}`,
    label,
    sighting: await lookWith(caller, message),
    reproduce: () => withSession(message, { route, line: (shown) => curl({ route, disguise, message: shown }) }),
  };
}
