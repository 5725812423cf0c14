import { setTimeout as wait } from "node:timers/promises";
import { machineCheck, type Outcome } from "../check.ts";
import type { MachineContext } from "../context.ts";
import { knownName } from "../facts/known-name.ts";
import { tailnetView } from "../facts/tailnet-view.ts";

interface ClockFinding {
  readonly nowMs: number;
  /** A server's clock at that moment; undefined where none told it. */
  readonly serverMs: number | undefined;
}

/** tsmcp is not older than this. */
const firstReleaseMs = Date.UTC(2026, 0, 1);
/** Ten years on, no certificate of today is valid. */
const lastPlausibleMs = Date.UTC(2036, 0, 1);
/** Tokens and keys bear a few minutes. */
const tolerableMs = 2 * 60_000;
const patienceMs = 3_000;

export const platformClock = machineCheck<ClockFinding>({
  id: "platform.clock",
  group: "platform",
  title: "this machine's clock is right",
  needs: [],
  timeoutMs: 5_000,
  source: "https://tailscale.com/kb/1023/troubleshooting",
  explain: {
    proves:
      "The clock says a time that can be, and agrees with the server's within two minutes where the server tells its own.",
    breaks:
      "A virtual machine that was resumed from a snapshot, a container on such a host, no time service. Certificates and keys then look expired, or not yet valid.",
    mend: "Start the time service: timedatectl set-ntp true; in a container, on the host.",
  },
  async gather(context, signal) {
    const serverMs = await serverClock(context, signal);
    return { nowMs: Date.now(), serverMs };
  },
  judge: judgeClock,
});

export function judgeClock({ nowMs, serverMs }: ClockFinding): Outcome {
  const now = new Date(nowMs).toISOString();
  const server = serverMs === undefined ? null : new Date(serverMs).toISOString();
  const facts = { now, server };
  const hint = "start the time service: timedatectl set-ntp true";
  if (nowMs < firstReleaseMs || nowMs > lastPlausibleMs) {
    return { status: "fail", message: `the clock says ${now}, which cannot be`, facts, reproduce: "date -u", hint };
  }
  if (serverMs === undefined) return { status: "pass", message: `${now}, with no other clock to compare`, facts };
  const apartMs = nowMs - serverMs;
  if (Math.abs(apartMs) <= tolerableMs) return { status: "pass", message: `${now}, as the server has it`, facts };
  const seconds = Math.round(Math.abs(apartMs) / 1_000);
  return {
    status: "warn",
    message: `the clock is ${seconds} s ${apartMs > 0 ? "ahead of" : "behind"} the server's`,
    facts,
    reproduce: "date -u",
    hint: `find out which of the two is wrong; here, ${hint}`,
  };
}

async function serverClock({ request, targets }: MachineContext, signal: AbortSignal): Promise<number | undefined> {
  if (request.vantage === "public" || targets.length === 0) return undefined;
  const told = targets.map(async (target) => {
    // A name that the tailnet does not know is not dialed for the time of day.
    if ((await knownName(target)).kind === "absent") throw new Error("no such name");
    const { sighting } = await tailnetView(target);
    const ms = Date.parse(sighting.date ?? "");
    if (Number.isNaN(ms)) throw new Error("no date");
    return ms;
  });
  const late = new AbortController();
  const patience = wait(patienceMs, undefined, { signal: AbortSignal.any([signal, late.signal]) }).catch(
    () => undefined,
  );
  const first = await Promise.race([Promise.any(told).catch(() => undefined), patience]);
  late.abort();
  return first;
}
