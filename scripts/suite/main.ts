import { spawn, spawnSync } from "node:child_process";
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { allSuites, type Suite } from "./suites.ts";
import { sumOf, type Tally, tallyOf } from "./tally.ts";

/** What is drawn at random is the same in every run of the suite: its verdict is about the code. Single runs draw anew. */
const sameDraws = { GATES_SEED: "1", DRAW_SEED: "1" };
// Some tests make folders for other users of the machine.
process.umask(0o022);
const reports = mkdtempSync(join(tmpdir(), "tsmcp-reports-"));
const reportFile = (name: string): string => join(reports, name.replaceAll(" ", "-"));
const wanted = process.argv.slice(2);
const suites = allSuites(reportFile);

if (wanted.includes("--list")) {
  console.log(suites.map((suite) => suite.name).join("\n"));
} else {
  process.exitCode = await runAll(selected());
}
rmSync(reports, { recursive: true, force: true });

function selected(): Suite[] {
  const unknown = wanted.filter((name) => !suites.some((suite) => suite.name === name));
  if (unknown.length > 0) throw new Error(`no suite is called ${unknown.join(", ")}; --list shows them`);
  return wanted.length === 0 ? suites : suites.filter((suite) => wanted.includes(suite.name));
}

async function runAll(list: readonly Suite[]): Promise<number> {
  const tallies: { suite: Suite; tally: Tally; seconds: number }[] = [];
  for (const suite of list) {
    console.log(`\n== ${suite.name}`);
    const start = performance.now();
    const tally = await runSuite(suite);
    tallies.push({ suite, tally, seconds: (performance.now() - start) / 1000 });
  }
  console.log("");
  for (const { suite, tally, seconds } of tallies) {
    const note = tally.note === undefined ? "" : ` (${tally.note})`;
    console.log(
      `${suite.name}: ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped in ${seconds.toFixed(1)} s${note}`,
    );
  }
  const total = sumOf(tallies.map((one) => one.tally));
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 ? 0 : 1;
}

async function runSuite(suite: Suite): Promise<Tally> {
  if (suite.needs === "go" && spawnSync("go", ["version"]).status !== 0) {
    const isFailure = process.env.CI === "true";
    return { passed: 0, failed: isFailure ? 1 : 0, skipped: isFailure ? 0 : 1, note: "Go is missing" };
  }
  const exitCode = await runCommand(suite);
  if (suite.report === "exit") return { passed: exitCode === 0 ? 1 : 0, failed: exitCode === 0 ? 0 : 1, skipped: 0 };
  return tallyOf({ exitCode, report: suite.read(readOrEmpty(reportFile(suite.name))) });
}

/** Returns the exit code, or null when the program could not start or was killed. */
async function runCommand(suite: Suite): Promise<number | null> {
  const [command = "", ...args] = suite.command;
  const isReport = suite.report === "stdout";
  const child = spawn(command, args, {
    cwd: suite.directory,
    stdio: ["ignore", isReport ? "pipe" : "inherit", "inherit"],
    env: { ...sameDraws, ...process.env },
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once("error", (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(null);
    });
    child.once("close", resolve);
  });
  if (child.stdout !== null) await pipeline(child.stdout, createWriteStream(reportFile(suite.name)));
  const exitCode = await ended;
  if (isReport && exitCode !== 0) console.log(readOrEmpty(reportFile(suite.name)));
  return exitCode;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
