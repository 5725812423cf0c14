import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const bin = fileURLToPath(new URL("../../bin/", import.meta.url));

/** Where and as what the shown commands run. */
export interface Stage {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Prints a heading. */
export function chapter(title: string): void {
  console.log(`\n\u001b[1m# ${title}\u001b[0m`);
}

/** Prints a line of explanation. */
export function tell(text: string): void {
  console.log(text);
}

/** Shows a command as a person would type it, runs it, and returns its exit code. */
export async function show(stage: Stage, typed: string, argv: readonly [string, ...string[]]): Promise<number> {
  console.log(`\n$ ${typed}`);
  const [name, ...args] = argv;
  const child = spawn(name.startsWith("tsmcp") ? `${bin}${name}` : name, args, {
    cwd: stage.cwd,
    env: { ...stage.env },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
  if (exitCode !== 0) console.log(`(exit ${exitCode})`);
  return exitCode;
}

/** Ends the demo when a step did not do what it is there to show. */
export function expect(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`the demo expected ${what}`);
}
