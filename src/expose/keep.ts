import { awaitRestart, daemonMark } from "./await-daemon.ts";
import { examine } from "./examine.ts";
import type { HeldHandler } from "./handlers.ts";
import type { Exposition } from "./plan.ts";
import type { ExposeRequest, ExposeWorld, Proof, StartedGateway } from "./request.ts";
import { refused } from "./set-handlers.ts";
import { servedNoLonger, standsNoLonger } from "./while-served.ts";

/** Both views as they were set by one start of tailscaled, and proven. */
export interface StandingViews {
  readonly held: readonly HeldHandler[];
  readonly proof: Proof;
}

export interface Keeping {
  readonly plan: Exposition;
  readonly request: ExposeRequest;
  readonly world: ExposeWorld;
  readonly gateway: StartedGateway;
  /** Takes away what was set. */
  readonly clear: () => Promise<void>;
  /** Sets and proves a plan like the first one. */
  readonly set: (plan: Exposition) => Promise<StandingViews>;
}

/**
 * Returns the last proof when the user has had enough. A `tailscale serve` in the foreground ends with tailscaled: when that was
 * started again, what was ours is set and proven again. Throws when the exposure does not, or may not, stand any longer.
 */
export async function keepStanding(first: StandingViews, keeping: Keeping): Promise<Proof> {
  const { world } = keeping;
  let views = first;
  for (;;) {
    const loss = await untilLost(views, keeping);
    if (loss === undefined) return views.proof;
    world.log.info(`serve: port ${loss.port} is served no longer`);
    try {
      views = await standAgain(loss, keeping);
    } catch (error) {
      if (world.signal.aborted) return views.proof;
      throw error;
    }
    world.log.info("it stands again: tailscaled was restarted");
  }
}

interface Loss {
  readonly port: number;
  /** Of the tailscaled that had the handler. */
  readonly mark: string | undefined;
}

/** Returns what is served no longer, undefined when the user stops it. */
async function untilLost({ held }: StandingViews, { gateway, world }: Keeping): Promise<Loss | undefined> {
  const { signal } = world;
  const stopped = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const lost = held.map(({ own, lost }) => lost.then((mark) => ({ port: own.port, mark })));
  const ended = gateway.ended.then(() => "ended" as const);
  const first = await Promise.race([stopped, ended, ...lost]);
  if (first === undefined || signal.aborted) return undefined;
  if (first === "ended") throw standsNoLonger("the gateway has ended");
  return first;
}

/** Whatever fails because tailscaled ends once more is done again; whatever fails besides is taken away before that is known. */
async function standAgain(loss: Loss, keeping: Keeping): Promise<StandingViews> {
  const { request, world, clear } = keeping;
  let { mark } = loss;
  let failure: unknown = servedNoLonger(loss.port);
  for (;;) {
    if (!(await awaitRestart(mark, { request, world }))) throw failure;
    mark = daemonMark(request);
    try {
      return await setAgain(keeping);
    } catch (error) {
      world.signal.throwIfAborted();
      failure = error;
      await clear();
    }
  }
}

async function setAgain({ plan, request, world, clear, set }: Keeping): Promise<StandingViews> {
  await clear();
  const now = await examine(request, world);
  if (now.kind === "refused") throw refused(now.refusals);
  // The gateway listens where it does, and its callers know the URLs.
  if (now.host !== plan.host || now.backend.kind !== plan.backend.kind || mountsOf(now) !== mountsOf(plan)) {
    throw standsNoLonger(`since tailscaled was restarted, ${plan.host} cannot be served as before`);
  }
  const views = await set(now);
  const { verdict, detail } = views.proof;
  if (verdict === "fail") throw standsNoLonger(`the proof failed once tailscaled had been restarted: ${detail}`);
  return views;
}

function mountsOf({ handlers }: Exposition): string {
  return handlers.map(({ port, mount }) => `${port}${mount}`).join(" ");
}
