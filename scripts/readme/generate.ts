import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { commonOptions, type Session } from "../../src/cli/command.ts";
import { allCommands } from "../../src/cli/commands.ts";
import { catalogue, intrusiveCatalogue } from "../../src/doctor/catalogue.ts";
import { listOf } from "../../src/init/list.ts";
import { initSubjects } from "../../src/init/subjects.ts";
import { flawedGates } from "../../test/peers/gates/corpus.ts";
import { soundWireGates, wireGates } from "../../test/peers/gates/flawed-wire.ts";
import { soundGates } from "../../test/peers/gates/sound.ts";
import { agentTable, checkTable, commandTables, fillIn, gateTable } from "./tables.ts";

export const readmePath = fileURLToPath(new URL("../../README.md", import.meta.url));

/** Returns the README as the code has it now. */
export function generateReadme(): string {
  const session: Session = {
    terminal: {
      env: {},
      cwd: "/",
      writeOut: () => {},
      writeError: () => {},
      outIsTerminal: false,
      errorIsTerminal: false,
      signal: new AbortController().signal,
    },
    exitCode: 0,
    json: false,
  };
  const rows = [...catalogue, ...intrusiveCatalogue].map(({ id, mandatory, sandboxOnly, title }) => ({
    id,
    mandatory: mandatory === true,
    proves: sandboxOnly === true ? `${title} (sandbox, \`--intrusive\`)` : title,
  }));
  return fillIn(readFileSync(readmePath, "utf8"), {
    commands: commandTables(allCommands(session), commonOptions()),
    agents: agentTable(listOf(initSubjects)),
    checks: checkTable(rows),
    gates: gateTable([
      ...[...flawedGates, ...wireGates].map(({ name, found }) => ({ name, found })),
      ...[...soundGates, ...soundWireGates].map(({ name }) => ({ name, found: undefined })),
    ]),
  });
}
