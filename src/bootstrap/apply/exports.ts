import { writeRecord } from "../../core/record.ts";
import type { Attempt } from "../attempt.ts";
import { recordOf, type UpFacts } from "../facts.ts";
import type { UpRequest } from "../request.ts";
import { type Applied, act, type Decision, skip } from "../steps.ts";

/** Returns whether there is something to export, or to take back from an earlier run. Whether it is so already shows when it is applied. */
export function decideExports({ record }: UpFacts, { exports }: UpRequest): Decision {
  if (exports !== "none") return act(`export the proxy: ${exports}`);
  return (record?.exports.length ?? 0) === 0 ? skip("--export none") : act("take back what was exported");
}

/** Makes shells or a job use the proxy. Throws `file-unwritable`, and `usage-invalid` for `github` outside GitHub Actions. */
export async function applyExports(facts: UpFacts, attempt: Attempt): Promise<Applied> {
  const { world, request } = attempt;
  const proxy = facts.proxy?.address ?? request.proxy;
  const record = recordOf(facts, attempt);
  const { installExports } = await import("../exports/install.ts");
  const { changed, files, records, detail } = installExports(
    { mode: request.exports, proxy, daemon: record.daemon, recorded: record.exports },
    world,
  );
  const after = { ...record, exports: records };
  if (changed || records.length !== record.exports.length) writeRecord(world, after);
  return {
    facts: { ...facts, record: after, files: [...facts.files, ...files] },
    status: changed ? "done" : "kept",
    detail,
  };
}
