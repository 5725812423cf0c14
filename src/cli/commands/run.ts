import { constants } from "node:os";
import type { Command } from "commander";
import { TsmcpError } from "../../core/errors.ts";
import type { ForegroundEnd } from "../../process/foreground.ts";
import { createCommand, type Session } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { describeFailure } from "../failure.ts";

/** As env(1) has it, so that they differ from what most programs end with. */
const exitCodes = { ownFailure: 125, notExecutable: 126, missing: 127 } as const;

export function runCommand(session: Session): Command {
  return createCommand({
    session,
    name: "run",
    summary: "run a program through the tailnet",
    description:
      "Runs CMD with the exports of tsmcp env, and ends with its exit code. 125: the proxy does not answer;\n" +
      "126: CMD cannot be started; 127: CMD was not found.",
    examples: ["tsmcp run -- curl https://node.tailnet.ts.net:8443/", "tsmcp run -- npm ci"],
    arguments: [["<cmd...>", "the program and its arguments"]],
    run: async (context, _options, argv) => {
      const [file, ...args] = argv;
      if (file === undefined) return exitCodes.ownFailure;
      try {
        const env = await environmentOf(context);
        const { runInForeground } = await import("../../process/foreground.ts");
        const ended = runInForeground([file, ...args], { env, cwd: context.cwd });
        // Only now, when it listens for them itself.
        context.releaseSignals?.();
        return exitCodeOf(file, await ended, context);
      } catch (error) {
        if (!(error instanceof TsmcpError)) throw error;
        const failure = describeFailure(error, context);
        context.writeOut(failure.stdout);
        context.writeError(failure.stderr);
        return exitCodes.ownFailure;
      }
    },
  }).passThroughOptions();
}

async function environmentOf(context: CommandContext): Promise<Record<string, string | undefined>> {
  const [{ requireLiveProxy }, { proxyVariables }] = await Promise.all([
    import("../../bootstrap/exports/live-proxy.ts"),
    import("../../bootstrap/exports/variables.ts"),
  ]);
  const proxy = await requireLiveProxy({ socket: context.socket }, context);
  return { ...context.env, ...Object.fromEntries(proxyVariables(proxy, context.env)) };
}

function exitCodeOf(file: string, end: ForegroundEnd, context: CommandContext): number {
  switch (end.kind) {
    case "exited":
      return end.exitCode;
    case "killed":
      return 128 + constants.signals[end.signal];
    case "missing":
      context.writeError(`tsmcp: error: ${JSON.stringify(file)} was not found\n`);
      return exitCodes.missing;
    case "not-executable":
      context.writeError(`tsmcp: error: ${JSON.stringify(file)} could not be started: ${end.reason}\n`);
      return exitCodes.notExecutable;
  }
}
