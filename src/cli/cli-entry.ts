import { main } from "./main.ts";
import { processTerminal } from "./process-terminal.ts";

/** Runs this process's command line; `prefix` is the command that a second name of the program stands for. */
export async function runCli(prefix: readonly string[] = []): Promise<void> {
  const terminal = processTerminal();
  const exitCode = await main([...prefix, ...process.argv.slice(2)], terminal);
  // Ends here even when a library left a handle open: everything was written synchronously.
  process.exit(exitCode);
}
