import type { Check } from "../check.ts";

/** Returns what one check is about, for `--explain`. */
export function renderExplanation(check: Check): string {
  const { id, title, needs, explain, source } = check;
  return [
    `${id}: ${title}${noteOf(check)}`,
    "",
    `Proves  ${explain.proves}`,
    `Breaks  ${explain.breaks}`,
    `Mend    ${explain.mend}`,
    ...(needs.length === 0 ? [] : [`Needs   ${needs.join(", ")}`]),
    `Source  ${source}`,
    "",
  ].join("\n");
}

/** Returns every check in a line of its own, for `--list-checks`. */
export function renderList(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ id }) => id.length));
  return checks.map((check) => `${check.id.padEnd(width)}  ${check.title}${noteOf(check)}\n`).join("");
}

/** Returns what `--list-checks` and `--explain` say with `--json`. */
export function describeCheck(check: Check): object {
  const { id, group, title, mandatory = false, sandboxOnly = false, needs, explain, source } = check;
  return { id, group, title, mandatory, sandboxOnly, needs, ...explain, docs: source };
}

function noteOf({ mandatory, sandboxOnly }: Check): string {
  if (sandboxOnly === true) return " (in a sandbox only, with --intrusive)";
  return mandatory === true ? " (mandatory)" : "";
}
