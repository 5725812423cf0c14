import type { VerifyRequest, VerifyResult } from "../bootstrap/world.ts";
import { timeoutSignal } from "../core/timeout-signal.ts";
import { parseConnectTo } from "../doctor/connect-to.ts";
import type { DoctorReport } from "../doctor/run-doctor.ts";
import type { CommandContext } from "./context.ts";
import { targetOf } from "./doctor-target.ts";

/**
 * Returns what proves the servers at the end of `up`: the doctor's quick set, handed over as a function. Throws
 * `usage-invalid` for a bad `connectTo`, at once.
 */
export function serverVerifier(
  context: CommandContext,
  connectTo: readonly string[],
): (request: VerifyRequest) => Promise<VerifyResult> {
  const rules = connectTo.map(parseConnectTo);
  return async ({ servers, socket, proxy, timeoutMs }) => {
    const { runQuickSet } = await import("../doctor/quick-set.ts");
    const { env, log } = context;
    const timeUp = timeoutSignal(timeoutMs);
    const signal = AbortSignal.any([context.signal, timeUp]);
    try {
      const targets = servers.map((server) => targetOf(server));
      const report = await runQuickSet({ targets, connectTo: rules }, { env, log, signal, socket, proxy });
      return { verdict: verdictForUp(report), detail: detailOf(report) };
    } catch (error) {
      if (!timeUp.aborted || context.signal.aborted) throw error;
      return { verdict: "unknown", detail: `no result within ${timeoutMs} ms` };
    }
  };
}

/**
 * The agent will not have its tools where what they need has failed, although the quick set does not hold that check
 * itself: a misspelt host is no server that could not be proven.
 */
function verdictForUp({ checks, verdict }: DoctorReport): DoctorReport["verdict"] {
  const isUnreachable = checks.some(({ id, facts }) => id === "tailnet.tools" && facts.found === "fail");
  return isUnreachable ? "fail" : verdict;
}

/** The worst finding in a line, else what was proven. */
function detailOf({ checks, verdict }: DoctorReport): string {
  const worst =
    checks.find(({ status }) => status === "fail") ??
    checks.find(({ status, mandatory }) => mandatory && status === "unknown") ??
    checks.find(({ status, mandatory }) => mandatory && status === "skip");
  if (verdict !== "pass" && worst !== undefined) return `${worst.id}: ${worst.message}`;
  const seen = checks.filter(({ id }) => id === "tailnet.tools").map(({ message }) => message);
  return `${seen.join(", ")} on the tailnet, none on the internet`;
}
