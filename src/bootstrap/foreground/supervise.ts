import { setTimeout as delay } from "node:timers/promises";
import { messageOf, TsmcpError } from "../../core/errors.ts";
import { type ProcessIdentity, readRecord } from "../../core/record.ts";
import { makeRuntimeDirectory } from "../../core/runtime-directory.ts";
import { identityOf } from "../../process/identity.ts";
import type { ServiceNotifier } from "../../process/service-notify.ts";
import { down } from "../down.ts";
import { layoutOf } from "../layout.ts";
import type { UpRequest } from "../request.ts";
import type { StepReport } from "../steps.ts";
import { type UpReport, up } from "../up.ts";
import type { UpWorld } from "../world.ts";
import { backOffMs } from "./back-off.ts";
import { type BoundDaemons, createBoundDaemons } from "./bound-daemons.ts";
import { keepWarm } from "./keep-warm.ts";
import { untilTrouble, type Watched } from "./watch.ts";

/** Who is told what happens. */
export interface SupervisionListener {
  readonly onStep: (step: StepReport) => void;
  /** Hears of the first join. */
  readonly onUp: (report: UpReport) => void;
  readonly notifier: ServiceNotifier;
}

/** A service manager waits 5 s for us; what another tsmcp needs that is at work, the logout and tailscaled's end share them. */
const leaveLimits = { lockMs: 500, logoutMs: 2_500, stopMs: 1_000 };
/** Who ran this long is not in a circle of starts and ends. */
const steadyAfterMs = 60_000;

/**
 * Joins as `up` does and keeps the node up until `world.signal` fires: what ends or does not answer is started again, and
 * logs in again where it must. Then it leaves, as `down` does; a node whose state outlives the boot stays logged in.
 * Returns also when `down` was run elsewhere. Throws what the first join throws.
 */
export async function superviseTailnet(
  request: UpRequest,
  world: UpWorld,
  listener: SupervisionListener,
): Promise<void> {
  const supervised = supervisionOf(request, world);
  try {
    listener.onUp(await up(request, supervised.world(false), listener.onStep));
  } catch (error) {
    if (!world.signal.aborted) throw error;
    // It is taken back, and that it should stop is no failure.
    return world.log.info("stopped before the node was up");
  }
  await listener.notifier.ready("the tailnet answers");
  if (request.keepsWarm) warmServers(request, world);
  await keepUp(request, supervised, listener);
  if (!isNamed(supervised)) return world.log.info("this node was taken down; nothing is left to do here");
  await listener.notifier.stopping(`stopped by ${String(world.signal.reason)}`);
  await leave(request, world);
}

function warmServers({ servers }: UpRequest, world: UpWorld): void {
  const urls = servers.map(({ tailnetUrl }) => new URL(tailnetUrl));
  if (urls.length === 0) world.log.warn("--keep-warm: no server is named, so that there is no way to keep");
  else void keepWarm(urls, world);
}

interface Supervised {
  readonly self: ProcessIdentity;
  readonly daemons: BoundDaemons;
  readonly world: (isRunning: boolean) => UpWorld;
}

function supervisionOf(request: UpRequest, world: UpWorld): Supervised {
  const self = identityOf(process.pid);
  if (self === undefined) {
    throw new TsmcpError({
      code: "daemon-failed",
      message: "/proc does not show this process",
      hint: "mount the one of this process namespace there, or leave out --foreground",
    });
  }
  const daemons = createBoundDaemons(request.credential?.kind === "given" ? [request.credential.secret] : []);
  return {
    self,
    daemons,
    world: (isRunning) => ({ ...world, supervision: { self, isRunning, ...daemons } }),
  };
}

async function keepUp(request: UpRequest, supervised: Supervised, { notifier }: SupervisionListener): Promise<void> {
  const world = supervised.world(true);
  const { directory, aliveFile } = layoutOf(makeRuntimeDirectory(world), request.state, world);
  world.log.debug(`${directory} has tailscaled's log, and "alive" as long as the tailnet answers`);
  let endsInARow = 0;
  let upSince = performance.now();
  const watched: Watched = { daemons: supervised.daemons, socket: request.socket, aliveFile };
  while (!world.signal.aborted && isNamed(supervised)) {
    const trouble = await untilTrouble(watched, world);
    if (trouble === undefined || !isNamed(supervised)) return;
    endsInARow = performance.now() - upSince > steadyAfterMs ? 1 : endsInARow + 1;
    await notifier.status(trouble);
    await rejoin(request, { supervised, world, trouble, endsInARow });
    upSince = performance.now();
    await notifier.status("the tailnet answers");
  }
}

/** Goes on until the node is up, or nobody wants it any more. */
async function rejoin(
  request: UpRequest,
  state: {
    readonly supervised: Supervised;
    readonly world: UpWorld;
    readonly trouble: string;
    readonly endsInARow: number;
  },
): Promise<void> {
  const { supervised, world, trouble } = state;
  const again: UpRequest = { ...request, verify: false };
  let what = trouble;
  for (let ends = state.endsInARow; !world.signal.aborted && isNamed(supervised); ends += 1) {
    const waitMs = backOffMs(ends);
    world.log.warn(`${what}; joining again${waitMs === 0 ? "" : ` in ${waitMs} ms`}`);
    await delay(waitMs, undefined, { signal: world.signal }).catch(() => {});
    if (world.signal.aborted || !isNamed(supervised)) return;
    try {
      const { node, proxy } = await up(again, world, () => {});
      return world.log.info(`${node?.name ?? "the node"} is up again; its proxy is ${proxy ?? "unknown"}`);
    } catch (error) {
      if (!(error instanceof TsmcpError)) throw error;
      what = error.message;
    }
  }
}

/** Whoever takes the node down takes our name out of the record first. */
function isNamed({ self, world }: Supervised): boolean {
  const named = readRecord(world(true))?.supervisor;
  return named?.pid === self.pid && named.startTicks === self.startTicks;
}

async function leave(request: UpRequest, world: UpWorld): Promise<void> {
  const { lockMs, logoutMs, stopMs } = leaveLimits;
  const keepLogin = request.state.kind !== "boot";
  try {
    const calm = { ...world, signal: new AbortController().signal };
    const { loggedOut } = await down({ keepLogin, timeoutMs: lockMs, limits: { logoutMs, stopMs } }, calm);
    world.log.info(loggedOut ? "logged out" : "stopped");
  } catch (error) {
    // The daemon ends with us all the same.
    world.log.warn(`could not leave: ${messageOf(error)}`);
    throw error;
  }
}
