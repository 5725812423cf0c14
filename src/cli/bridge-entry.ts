import { runBridge } from "../bridge/run.ts";
import { createLog } from "../core/log.ts";
import { readBridgeCall } from "./bridge-arguments.ts";
import { bridgeOptions } from "./bridge-options.ts";
import { describeFailure } from "./failure.ts";
import { processTerminal } from "./process-terminal.ts";

/**
 * Runs this process as the bridge: the short way for what agents start, `delegate` (commander's way, which is in another
 * bundle) for everything else. `onFirstAnswer` is called when the server has answered for the first time.
 */
export async function runBridgeCli(delegate: () => Promise<void>, onFirstAnswer: () => void): Promise<void> {
  const terminal = processTerminal();
  let exitCode: number;
  try {
    const call = readBridgeCall(process.argv.slice(3), terminal.env);
    if (call.kind === "delegate") {
      terminal.stop();
      return await delegate();
    }
    exitCode = await runBridge(bridgeOptions(call.urls, call.values), {
      stdin: process.stdin,
      stdout: process.stdout,
      log: createLog({ write: terminal.writeError, verbosity: call.verbosity }),
      env: terminal.env,
      cwd: terminal.cwd,
      signal: terminal.signal,
      onFirstAnswer,
    });
  } catch (error) {
    const failure = describeFailure(error, { json: false });
    terminal.writeError(failure.stderr);
    exitCode = failure.exitCode;
  }
  process.exit(exitCode);
}
