import { TsmcpError } from "../core/errors.ts";
import { type ExposeFacts, gatherFacts } from "./facts.ts";
import { clearLeftovers } from "./leftovers.ts";
import { type ExposePlan, planExposure } from "./plan.ts";
import { withoutOwn } from "./ports.ts";
import { type ExposeRecord, readExposeRecord } from "./record.ts";
import type { ExposeRequest, ExposeWorld } from "./request.ts";

/** Returns the plan as things are now; what an exposure left that was killed does not stand in the way. Changes nothing. */
export async function examine(request: ExposeRequest, world: ExposeWorld): Promise<ExposePlan> {
  const facts = await gatherFacts(request, world);
  return planExposure(facts, request, withoutOwn(facts.serve, readExposeRecord(request.directory)?.handlers ?? []));
}

/** Returns the plan after what was left is gone. Only for the holder of the lock. */
export async function examineAndClear(request: ExposeRequest, world: ExposeWorld): Promise<ExposePlan> {
  const record = readExposeRecord(request.directory);
  const facts = await gatherFacts(request, world);
  if (record === undefined) return planExposure(facts, request, facts.serve);
  const cleared = await clear(record, facts, { request, world });
  if (cleared > 0) world.log.info(`leftovers: done (${cleared} handlers of an exposure that was killed)`);
  const serve = (await gatherFacts(request, world)).serve;
  return planExposure(facts, request, serve);
}

async function clear(
  record: ExposeRecord,
  { cli }: ExposeFacts,
  setting: { readonly request: ExposeRequest; readonly world: ExposeWorld },
): Promise<number> {
  if (cli !== undefined) return clearLeftovers(record, { ...setting, cli });
  if (record.handlers.length === 0) return 0;
  throw new TsmcpError({
    code: "tailscale-missing",
    message: 'an exposure that was killed left handlers, and "tailscale" is not on PATH to take them away',
    hint: "put it on PATH",
  });
}
