import type { Command, Option } from "commander";
import { variableOf } from "../../src/cli/environment.ts";
import type { ListedSubject } from "../../src/init/list.ts";

/** What the README says of one check. */
export interface CheckRow {
  readonly id: string;
  readonly mandatory: boolean;
  readonly proves: string;
}

/** Returns the README with every generated part (`<!-- name -->` to `<!-- /name -->`) replaced. */
export function fillIn(readme: string, parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts).reduce((text, [name, part]) => {
    const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const start = text.indexOf(open);
    const end = text.indexOf(close);
    if (start === -1 || end < start) throw new Error(`the README has no part "${name}"`);
    return `${text.slice(0, start + open.length)}\n${part}\n${text.slice(end)}`;
  }, readme);
}

/** Returns a table of the commands, and a table of options below for each that has its own. */
export function commandTables(commands: readonly Command[], common: readonly Option[]): string {
  const shared = new Set(common.map((option) => option.flags));
  const overview = table(
    ["command", "does"],
    commands.map((command) => [
      code(`tsmcp ${command.name()} ${command.usage().replace("[options] ", "").replace("[options]", "")}`.trim()),
      command.summary(),
    ]),
  );
  const details = commands.map((command) => {
    const own = command.options.filter(({ flags, hidden }) => !shared.has(flags) && !hidden);
    return own.length === 0
      ? ""
      : `\n<details><summary><code>tsmcp ${command.name()}</code></summary>\n\n${optionTable(own)}\n\n</details>`;
  });
  const everywhere = `\n<details><summary>with every command</summary>\n\n${optionTable(common)}\n\n</details>`;
  return [overview, ...details.filter((text) => text !== ""), everywhere].join("\n");
}

/** Returns a table of the checks, in the catalogue's order. */
export function checkTable(checks: readonly CheckRow[]): string {
  return table(
    ["check", "passes when"],
    checks.map((check) => [`${code(check.id)}${check.mandatory ? " **·**" : ""}`, check.proves]),
  );
}

/** Returns a table of what `tsmcp init` knows. */
export function agentTable(subjects: readonly ListedSubject[]): string {
  const rows = subjects.map(({ name, title, files, pastes, startBudget }) => [
    code(`tsmcp init ${name}`),
    title,
    [...files.map(code), ...pastes.map((where) => `to paste: ${where}`)].join(", "),
    startBudget ?? "",
  ]);
  return table(["command", "for", "writes", "waits for a server at start"], rows);
}

/** What the README says of one gate of the corpus. */
export interface GateRow {
  readonly name: string;
  /** The check that finds its flaw; none for a sound gate. */
  readonly found: string | undefined;
}

/** Returns the matrix of the gates that the doctor is held to, by the check that finds them. */
export function gateTable(gates: readonly GateRow[]): string {
  const checks = [...new Set(gates.map(({ found }) => found))];
  return table(
    ["found by", "a server that"],
    checks.map((check) => [
      check === undefined ? "nothing, rightly" : code(check),
      gates
        .filter(({ found }) => found === check)
        .map(({ name }) => name)
        .join(" · "),
    ]),
  );
}

function optionTable(options: readonly Option[]): string {
  return table(
    ["option", "variable", ""],
    options.map((option) => [code(option.flags), code(variableOf(option)), describe(option)]),
  );
}

function describe(option: Option): string {
  const shown = option.defaultValueDescription ?? option.defaultValue;
  const isWorthIt = typeof shown === "string" ? shown !== "" : typeof shown === "number";
  return isWorthIt ? `${option.description} (default: ${shown})` : option.description;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function code(text: string): string {
  return `\`${text}\``;
}
