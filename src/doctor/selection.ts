import { TsmcpError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { type Check, type CheckId, groups } from "./check.ts";

export interface Selection {
  readonly selected: ReadonlySet<CheckId>;
  readonly ignored: ReadonlySet<CheckId>;
}

/**
 * Returns which checks `--only` and `--skip` leave, both lists of ids and groups; without `only`, all of them. Mandatory
 * ones that are skipped stay selected, to be shown as skipped.
 * Throws `usage-invalid` for a name that is neither, with the nearest one, and when nothing is left.
 */
export function selectChecks(
  catalogue: readonly Pick<Check, "id" | "group" | "mandatory">[],
  { only, skip }: { readonly only: readonly string[]; readonly skip: readonly string[] },
): Selection {
  const idsOf = (names: readonly string[], option: string): Set<CheckId> =>
    new Set(names.flatMap((name) => resolveName(catalogue, name, option)));
  const isMandatory = (id: CheckId): boolean => catalogue.some((check) => check.id === id && check.mandatory === true);
  const wanted = only.length === 0 ? new Set(catalogue.map(({ id }) => id)) : idsOf(only, "--only");
  const ignored = idsOf(skip, "--skip");
  const left = [...wanted].filter((id) => !ignored.has(id));
  // A verdict that does without one of these says so.
  const selected = new Set([...wanted].filter((id) => !ignored.has(id) || isMandatory(id)));
  if (left.length > 0) return { selected, ignored };
  throw new TsmcpError({
    code: "usage-invalid",
    message: "--only and --skip leave no check",
    hint: 'run "tsmcp doctor --list-checks" to see what there is',
  });
}

/** Returns the check of this id. Throws `usage-invalid`, with the nearest id, when there is none. */
export function findCheck(catalogue: readonly Check[], id: string): Check {
  const check = catalogue.find((candidate) => candidate.id === id);
  if (check === undefined)
    throw unknownName(
      catalogue.map((candidate) => candidate.id),
      id,
      "--explain",
    );
  return check;
}

function resolveName(catalogue: readonly Pick<Check, "id" | "group">[], name: string, option: string): CheckId[] {
  const ids = catalogue.filter(({ id, group }) => id === name || group === name).map(({ id }) => id);
  if (ids.length > 0) return ids;
  throw unknownName([...catalogue.map(({ id }) => id), ...groups], name, option);
}

function unknownName(known: readonly string[], name: string, option: string): TsmcpError {
  const match = nearest(name, known);
  return new TsmcpError({
    code: "usage-invalid",
    message: `${option}: there is no check ${JSON.stringify(name)}`,
    hint: match === undefined ? 'run "tsmcp doctor --list-checks" to see what there is' : `did you mean "${match}"?`,
  });
}
