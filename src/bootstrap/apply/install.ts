import { TsmcpError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { timeoutSignal } from "../../core/timeout-signal.ts";
import type { Programs } from "../../tailscale/locate.ts";
import type { Attempt } from "../attempt.ts";
import type { UpFacts } from "../facts.ts";
import type { UpRequest } from "../request.ts";
import { type Applied, act, type Decision, done, keep } from "../steps.ts";

/** Returns what the step that gets tailscale's programs comes to. */
export function decideInstall({ programs }: UpFacts, { acquire }: UpRequest): Decision {
  return programs.kind === "found"
    ? keep(programs.tailscaled)
    : act(`get tailscale ${acquire.version ?? "(the newest)"} from ${acquire.mirror.origin}${acquire.mirror.pathname}`);
}

/**
 * Gets the programs. Throws `tailscale-missing` when there is no way to them, and as `acquireTailscale` does.
 */
export async function applyInstall(facts: UpFacts, { request, world, remainingMs }: Attempt): Promise<Applied> {
  tellRefused(facts.programs, world.log);
  const { acquireTailscale } = await import("../acquire/acquire.ts");
  const timeUp = timeoutSignal(remainingMs());
  try {
    const signal = AbortSignal.any([world.signal, timeUp]);
    const { tailscale, tailscaled, version } = await acquireTailscale(request.acquire, { ...world, signal });
    const programs: Programs = { kind: "found", tailscale, tailscaled };
    return done({ ...facts, programs }, `${tailscaled}, ${version}`);
  } catch (error) {
    if (!timeUp.aborted || world.signal.aborted) throw error;
    throw new TsmcpError({
      code: "tailscale-missing",
      message: `tailscale could not be got within ${request.timeoutMs}ms`,
      hint: 'run "tsmcp install" first, which takes its time',
      facts: { timeoutMs: request.timeoutMs },
      cause: error,
    });
  }
}

/** Who sees them on PATH would wonder. */
function tellRefused(programs: Programs, log: Log): void {
  if (programs.kind === "found") return;
  for (const path of programs.refused) {
    log.warn(`${path} is not used: it comes with a repository or a package, and would be handed the key`);
  }
}

/** Throws `tailscale-missing` where the step that gets the programs was not run. */
export function requirePrograms(programs: Programs): Extract<Programs, { kind: "found" }> {
  if (programs.kind === "found") return programs;
  throw new TsmcpError({
    code: "tailscale-missing",
    message: `${programs.names.join(" and ")} ${programs.names.length === 1 ? "is" : "are"} not on PATH`,
    hint: 'run "tsmcp install"',
    facts: { missing: programs.names },
  });
}
