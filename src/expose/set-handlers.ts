import { TsmcpError } from "../core/errors.ts";
import { readServeState } from "./facts.ts";
import { type HeldHandler, setHandler } from "./handlers.ts";
import { clearLeftovers } from "./leftovers.ts";
import type { Exposition, PlannedHandler } from "./plan.ts";
import { placeView, withoutOwn, wrongWayToPrivate } from "./ports.ts";
import { type OwnHandler, writeExposeRecord } from "./record.ts";
import type { Refusal } from "./refusal.ts";
import type { ExposeRequest, ExposeWorld, StartedGateway } from "./request.ts";
import { createUndo, type Undo } from "./undo.ts";

/**
 * Sets the handlers of a plan, one after the other. What others do to the configuration meanwhile is judged again before each, and
 * at the end. Throws `expose-refused` for what they have made impossible, and as `setHandler` does.
 */
export async function setHandlers(
  plan: Exposition,
  setting: {
    readonly request: ExposeRequest;
    readonly world: ExposeWorld;
    readonly undo: Undo;
    readonly gateway: StartedGateway;
  },
): Promise<readonly HeldHandler[]> {
  const { request, world, undo, gateway } = setting;
  const { cli } = plan;
  const pairs = plan.handlers.map((planned) => ({ planned, own: ownOf(planned, gateway) }));
  const handlers = pairs.map(({ own }) => own);
  const inner = { privateTarget: gateway.privateTarget, service: request.service };
  const { fingerprint, directory, background, paths } = request;
  writeExposeRecord(directory, { isDetached: background, fingerprint, handlers });
  const held: HeldHandler[] = [];
  undo.add(async () => {
    const isReleased = await release(held, { host: plan.host, world });
    // What a command was about to set when it was broken off is not held. The record stays where a handler does.
    if (isReleased) await clearLeftovers({ handlers }, { cli, request, world });
  });
  for (const { planned, own } of pairs) {
    const { side, service, verb } = planned;
    const set = await setHandler(planned, own, {
      cli,
      request,
      world,
      recheck(state) {
        const place = placeView(withoutOwn(state, handlers), { side, service, paths });
        if (place.kind === "refused") throw refused(place.refusals);
        if (place.mount !== own.mount) throw movedMeanwhile(own);
        const wrong = wrongWayToPrivate(state, inner);
        if (wrong !== undefined) throw refused([wrong]);
      },
    });
    held.push(set);
    world.log.info(`${verb}: done (https://${plan.host}:${own.port}${own.mount})`);
  }
  const wrong = wrongWayToPrivate(await readServeState(request, world.signal), inner);
  if (wrong !== undefined) throw refused([wrong]);
  return held;
}

/** Funnel was set last, and goes first. */
async function release(
  held: readonly HeldHandler[],
  { host, world }: { readonly host: string; readonly world: ExposeWorld },
): Promise<boolean> {
  const undo = createUndo();
  for (const one of held) {
    undo.add(async () => {
      await one.release();
      world.log.info(`taken away: https://${host}:${one.own.port}${one.own.mount}`);
    });
  }
  return undo.all(world.log);
}

/** Returns the handler as tailscaled is to have it. */
export function ownOf(
  { side, service, port, mount, isOnlyHosting }: PlannedHandler,
  { privateTarget, publicTarget }: Pick<StartedGateway, "privateTarget" | "publicTarget">,
): OwnHandler {
  const target = side === "tailnet" ? privateTarget : publicTarget;
  // The mount is taken off what the gateway sees unless the target repeats it.
  return { service, port, mount, target: mount === "/" ? target : `${target}${mount}`, isOnlyHosting };
}

/** Returns what somebody has made impossible since the plan was made. */
export function refused(refusals: readonly Refusal[]): TsmcpError {
  return new TsmcpError({
    code: "expose-refused",
    message: refusals.map(({ what }) => what).join("; "),
    hint: refusals.flatMap(({ lines }) => lines)[0] ?? "see what stands in the way with --dry-run",
    facts: { refusals: refusals.map(({ id }) => id) },
  });
}

function movedMeanwhile({ port }: OwnHandler): TsmcpError {
  return new TsmcpError({
    code: "expose-refused",
    message: `somebody else has changed what port ${port} serves, just now`,
    hint: 'run "tsmcp expose" again',
    facts: { port },
  });
}
