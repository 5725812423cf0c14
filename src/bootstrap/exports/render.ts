import { shellQuote } from "../../core/shell-quote.ts";
import type { ExportShell } from "./export-shells.ts";
import type { Variable } from "./variables.ts";

/** Returns the text that sets the variables, in the form that the shell, file or program reads. */
export function renderExports(variables: readonly Variable[], shell: ExportShell): string {
  switch (shell) {
    case "json":
      return `${JSON.stringify(Object.fromEntries(variables), null, 2)}\n`;
    case "sh":
      return lines(variables, ([name, value]) => `export ${name}=${shellQuote(value)}`);
    case "fish":
      return lines(variables, ([name, value]) => `set -gx ${name} ${fishQuote(value)}`);
    case "github":
      return lines(variables, ([name, value]) => `${name}=${oneLine(value)}`);
    case "dotenv":
      return lines(variables, ([name, value]) => `${name}='${oneLine(value).replaceAll("'", "")}'`);
  }
}

function lines(variables: readonly Variable[], line: (variable: Variable) => string): string {
  return variables.map((variable) => `${line(variable)}\n`).join("");
}

/** https://fishshell.com/docs/current/language.html#quotes: in single quotes only \' and \\ are escapes. */
function fishQuote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}

/** A line break would begin another variable; no address or host list has one. */
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, "");
}
