import type { Environment } from "../core/runtime-directory.ts";
import { timeoutSignal } from "../core/timeout-signal.ts";
import type { RequestMessage } from "../mcp/message.ts";
import type { Carrier } from "./carrier.ts";
import type { Catalogue } from "./catalogue.ts";
import { errorForAgent } from "./failure.ts";
import { silentServer } from "./gate.ts";
import { Refused } from "./refused.ts";
import { type StatusFacts, statusReport, troubleOf } from "./status-report.ts";
import type { Way } from "./way.ts";

export interface StatusContext {
  readonly way: Way;
  readonly carrier: Carrier;
  readonly catalogue: Catalogue;
  readonly env: Environment;
  readonly socket: string | undefined;
  readonly url: URL;
  readonly startedAt: number;
  readonly signal: AbortSignal;
}

/** An agent that asks for the status waits for it, too. */
const statusWaitMs = 2_000;

/** Returns what `tsmcp_status` says to `request`: `passed` is when the server can be asked. */
export async function tellStatus(
  request: RequestMessage,
  passed: Promise<void>,
  context: StatusContext,
): Promise<string> {
  const { way, carrier, url } = context;
  const facts = {
    url: url.href,
    listFrom: listFrom(context.catalogue),
    isListRead: context.catalogue.earlyFrom === undefined,
  };
  const limit = AbortSignal.any([context.signal, timeoutSignal(statusWaitMs)]);
  try {
    await Promise.race([passed, rejected(limit)]);
    const tools = await Promise.race([carrier.fetchTools(request, limit), rejected(limit)]);
    return statusReport({ ...facts, trouble: undefined, tools });
  } catch (error) {
    const inTheWay = way.trouble?.error ?? (limit.aborted ? silentServer(url, statusWaitMs) : error);
    const told = await errorForAgent(error instanceof Refused ? error : inTheWay, request.method, context);
    const forMs = performance.now() - (way.trouble?.sinceMs ?? context.startedAt);
    return statusReport({ ...facts, trouble: troubleOf(told, forMs), tools: undefined });
  }
}

function listFrom({ earlyFrom }: Catalogue): StatusFacts["listFrom"] {
  if (earlyFrom === undefined || earlyFrom === "nothing") return undefined;
  const { source, savedAt } = earlyFrom;
  return { source, ageMs: savedAt === undefined ? undefined : Date.now() - savedAt };
}

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
