import { detailsOf, placeOf, type Reporting, shown, type Weight, weightOf } from "./reporting.ts";

const commands: Readonly<Record<Exclude<Weight, "none">, string>> = {
  failure: "error",
  unproven: "warning",
  remark: "notice",
};

const order: readonly Weight[] = ["failure", "unproven", "remark"];

/**
 * Returns the findings as workflow commands, which GitHub's runner makes annotations of, one a line; worst first, because
 * it shows ten of each kind and drops the rest.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands; the escapes are those of
 * actions/toolkit `packages/core/src/command.ts`.
 */
export function renderAnnotations(reporting: Reporting): string {
  return reporting.report.checks
    .map((check) => ({ check, weight: weightOf(check, reporting) }))
    .toSorted((one, other) => order.indexOf(one.weight) - order.indexOf(other.weight))
    .flatMap(({ check, weight }) => {
      if (weight === "none") return [];
      const { file, line, column } = placeOf(check, reporting);
      const title = check.target === null ? check.id : `${check.id} (${shown(check.target)})`;
      const properties = Object.entries({ file, line, col: column, title }).map(
        ([name, value]) => `${name}=${escapeProperty(String(value))}`,
      );
      const text = [shown(check.message), ...detailsOf(check).map(([label, detail]) => `${label}: ${detail}`)].join(
        "\n",
      );
      return [`::${commands[weight]} ${properties.join(",")}::${escapeData(text)}\n`];
    })
    .join("");
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
