import type { EntryDialect } from "../agents/dialect.ts";
import type { InitOutput } from "./output.ts";
import type { InitSubject } from "./subjects.ts";

/** What `init --list` tells of one subject. */
export interface ListedSubject {
  readonly name: string;
  readonly title: string;
  /** What is written, relative to the repository. */
  readonly files: readonly string[];
  /** Where a person has to paste something. */
  readonly pastes: readonly string[];
  readonly transport: string | null;
  readonly startBudget: string | null;
  readonly quirks: readonly string[];
}

/** Any server will do: only the places are looked at. */
const example = { workspace: "/", servers: [{ name: "notes", url: "https://node.tailnet.ts.net:8443/mcp" }] };

export function listOf(subjects: readonly InitSubject[]): readonly ListedSubject[] {
  return subjects.map((subject) => {
    const outputs = subject.outputs(example);
    return {
      name: subject.name,
      title: subject.title,
      files: outputs.flatMap(pathsOf),
      pastes: outputs.flatMap((output) => (output.kind === "paste" ? [output.where] : [])),
      ...factsOf(subject.dialect),
    };
  });
}

export function listText(list: readonly ListedSubject[]): string {
  return list
    .map(({ name, title, files, pastes, transport, startBudget, quirks }) => {
      const lines = [
        ...files.map((file) => `file       ${file}`),
        ...pastes.map((where) => `paste      ${where}`),
        ...(transport === null ? [] : [`transport  ${transport}`]),
        ...(startBudget === null ? [] : [`start      ${startBudget}`]),
        ...quirks.map((quirk) => `note       ${quirk}`),
      ];
      return [`${name}: ${title}`, ...lines.map((line) => `  ${line}`)].join("\n");
    })
    .join("\n\n")
    .concat("\n");
}

function pathsOf(output: InitOutput): readonly string[] {
  if (output.kind === "paste") return [];
  return [output.kind === "entries" ? output.dialect.path : output.path];
}

function factsOf(dialect: EntryDialect | undefined): Pick<ListedSubject, "transport" | "startBudget" | "quirks"> {
  return {
    transport: dialect?.transport ?? null,
    startBudget: dialect?.startBudget ?? null,
    quirks: dialect?.quirks ?? [],
  };
}
