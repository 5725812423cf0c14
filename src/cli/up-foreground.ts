import { type SupervisionListener, superviseTailnet } from "../bootstrap/foreground/supervise.ts";
import type { UpRequest } from "../bootstrap/request.ts";
import type { UpWorld } from "../bootstrap/world.ts";
import { becomeChildOfInit } from "../process/init.ts";
import { serviceNotifier } from "../process/service-notify.ts";

/** Keeps the node up until this process is told to stop; returns the exit code of a clean stop. */
export async function runInForeground(
  request: UpRequest,
  world: UpWorld,
  listener: Omit<SupervisionListener, "notifier">,
): Promise<number> {
  if (process.pid === 1) {
    const { reason } = becomeChildOfInit(
      [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
      process.env,
    );
    world.log.warn(`this is process 1, and what other programs leave behind is not collected: ${reason}`);
  }
  const notifier = serviceNotifier(world);
  try {
    await superviseTailnet(request, world, { ...listener, notifier });
    return 0;
  } finally {
    notifier.close();
  }
}
