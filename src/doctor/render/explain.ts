import type { Check } from "../check.ts";

/** Returns what one check is about, for `--explain`. */
export function renderExplanation({ id, title, mandatory, needs, explain, source }: Check): string {
  return [
    `${id}: ${title}${mandatory === true ? " (mandatory)" : ""}`,
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
  return checks
    .map(({ id, title, mandatory }) => `${id.padEnd(width)}  ${title}${mandatory === true ? " (mandatory)" : ""}\n`)
    .join("");
}

/** Returns what `--list-checks` and `--explain` say with `--json`. */
export function describeCheck({ id, group, title, mandatory, needs, explain, source }: Check): object {
  return { id, group, title, mandatory: mandatory === true, needs, ...explain, docs: source };
}
