import { processesOf } from "../process/identity.ts";
import { stopProcess } from "../process/stop.ts";
import { readServeState } from "./facts.ts";
import { type Taking, takeAway, untilGone } from "./handlers.ts";
import { isSame } from "./ports.ts";
import { type ExposeRecord, removeExposeRecord } from "./record.ts";

/**
 * Takes away what an exposure left that was killed, as its record tells; whatever else is served stays. Returns how many handlers
 * that were. Throws `command-failed` where one stays.
 */
export async function clearLeftovers(record: Pick<ExposeRecord, "handlers">, setting: Taking): Promise<number> {
  const { request } = setting;
  await endOrphans(record, request.socket);
  let cleared = 0;
  // Funnel was set last, and goes first.
  for (const own of record.handlers.toReversed()) {
    const handler = (await readServeState(request)).handlers.find((one) => isSame(own, one));
    if (handler !== undefined) cleared += 1;
    if (handler?.isForeground === true) await untilGone(own, setting);
    else if (handler !== undefined || own.isOnlyHosting === true) await takeAway(own, setting);
  }
  removeExposeRecord(request.directory);
  return cleared;
}

/** A `tailscale serve` in the foreground may outlive the tsmcp that was killed, until its watchdog has seen that. */
async function endOrphans({ handlers }: Pick<ExposeRecord, "handlers">, socket: string): Promise<void> {
  const targets = new Set(handlers.map(({ target }) => target));
  const orphans = processesOf(
    (argv) =>
      argv.includes(`--socket=${socket}`) &&
      (argv.includes("serve") || argv.includes("funnel")) &&
      argv.some((argument) => targets.has(argument)),
  );
  await Promise.all(orphans.map((orphan) => stopProcess(orphan, { graceMs: 500 })));
}
