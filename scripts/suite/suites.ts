import { readGoReport, readTapReport, readVitestReport } from "./reports.ts";
import type { Tally } from "./tally.ts";

/** One runner: its command, where its report lies, and what it needs. */
export interface Suite {
  readonly name: string;
  readonly command: readonly string[];
  /** `file`: the runner writes it; `stdout`: what it prints is the report; `exit`: the exit code is all there is. */
  readonly report: "file" | "stdout" | "exit";
  readonly read: (text: string) => Tally | undefined;
  readonly needs?: "go";
  readonly directory?: string;
}

const bin = "node_modules/.bin";
const shellFiles = ["scripts/prepare", "scripts/test", "scripts/demo", "scripts/tailnet", ".ci/run"];

/** Returns every suite, in the order they run: what is quick to fail first. */
export function allSuites(reportFile: (name: string) => string): Suite[] {
  const vitest = (project: string): string[] => [
    ...[`${bin}/vitest`, "run", "--config", "test/vitest.config.ts", "--project", project],
    ...["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile(project)}`],
  ];
  return [
    check("format and lint", [`${bin}/biome`, "ci", "--colors=off", "."]),
    check("floating promises", [`${bin}/oxlint`, "--type-aware", "--deny-warnings"]),
    check("types", ["node_modules/typescript/bin/tsc", "--noEmit"]),
    check("shell scripts", ["shellcheck", ...shellFiles]),
    {
      ...check("go format", ["sh", "-c", 'test -z "$(gofmt -l . | tee /dev/stderr)"']),
      directory: "test/tailnet",
      needs: "go",
    },
    { ...check("go vet", ["go", "vet", "./..."]), directory: "test/tailnet", needs: "go" },
    { name: "unit", command: vitest("unit"), report: "file", read: readVitestReport },
    {
      name: "shell",
      command: ["node_modules/bats/bin/bats", "--formatter", "tap", "--recursive", "test/shell"],
      report: "stdout",
      read: readTapReport,
    },
    {
      name: "go",
      command: ["go", "test", "-json", "./..."],
      report: "stdout",
      read: readGoReport,
      needs: "go",
      directory: "test/tailnet",
    },
    { name: "e2e", command: vitest("e2e"), report: "file", read: readVitestReport, needs: "go" },
  ];
}

/** A check that has no report of its own: one passed or one failed. */
function check(name: string, command: readonly string[]): Suite {
  return { name, command, report: "exit", read: () => undefined };
}
