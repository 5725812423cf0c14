import { type Command, Option } from "commander";
import { TsmcpError } from "../../core/errors.ts";
import type { Behind, RunningSandbox } from "../../sandbox/run-sandbox.ts";
import { createCommand, type Session } from "../command.ts";
import type { CommandContext } from "../context.ts";

interface SandboxValues {
  readonly target?: string;
  readonly private?: string;
  readonly public?: string;
  readonly as?: string;
  readonly caller: "agent" | "user";
  readonly doctor?: boolean;
  readonly intrusive?: boolean;
  readonly keep?: boolean;
}

export function sandboxCommand(session: Session): Command {
  return createCommand<SandboxValues>({
    session,
    name: "sandbox",
    summary: "try a server behind an imitation of Serve and Funnel, without an account",
    description:
      "Starts an imitation tailnet on this machine around CMD, which listens where PORT says, or around servers that\n" +
      "run already. The tailnet reaches it on 8443, the internet on 443, and five callers differ in what tailscaled says\n" +
      "of them. Ends with Ctrl-C, or with CMD. With --doctor the exit code is the doctor's.",
    examples: [
      "tsmcp sandbox -- node my-server.js",
      "tsmcp sandbox --doctor -- node my-server.js",
      "tsmcp sandbox --doctor --intrusive -- node my-server.js",
      "tsmcp sandbox --private http://127.0.0.1:9001 --public http://127.0.0.1:9002",
      "tsmcp sandbox --as 1.90 --doctor --target http://127.0.0.1:9000",
    ],
    arguments: [["[cmd...]", "after --: the program and its arguments"]],
    options: [
      new Option("--target <url>", "serve this to the tailnet and the internet, as tailscale serve takes it"),
      new Option("--private <url>", "serve this to the tailnet"),
      new Option("--public <url>", "serve this to the internet"),
      new Option("--as <version>", "imitate this version of tailscale, with its holes (default: 1.102.5)"),
      new Option("--caller <name>", "the doctor looks at the tailnet side as this caller")
        .choices(["agent", "user"])
        .default("agent"),
      new Option("--doctor", "attack the server, report, and end"),
      new Option("--intrusive", "with --doctor: also try what no real host may be sent, such as smuggled requests"),
      new Option("--keep", "stay up after the doctor's report"),
    ],
    run: runSandboxCommand,
  }).passThroughOptions();
}

async function runSandboxCommand(
  context: CommandContext,
  values: SandboxValues,
  words: readonly string[],
): Promise<number> {
  const behind = behindOf(values, words);
  const { intrusive = false } = values;
  if (intrusive && values.doctor !== true) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: "--intrusive is given without --doctor",
      hint: "use: tsmcp sandbox --doctor --intrusive -- CMD",
    });
  }
  const { runSandbox } = await import("../../sandbox/run-sandbox.ts");
  const running = await runSandbox({ behind, version: values.as }, context);
  try {
    const { describeSandbox, sandboxText } = await import("../sandbox-text.ts");
    if (values.doctor === true) {
      const { examineSandbox } = await import("../sandbox-doctor.ts");
      const exitCode = await examineSandbox(running.sandbox, { caller: values.caller, intrusive }, context);
      if (values.keep !== true) return exitCode;
      context.writeError(sandboxText(running.sandbox));
      await untilEnd(running, context);
      return exitCode;
    }
    context.result(describeSandbox(running.sandbox), sandboxText(running.sandbox));
    return await untilEnd(running, context);
  } finally {
    await running.close();
  }
}

/** Returns 0 after a signal or the program's own good end. */
async function untilEnd({ programEnded }: RunningSandbox, context: CommandContext): Promise<number> {
  const stopped = new Promise<"stopped">((resolve) => {
    if (context.signal.aborted) resolve("stopped");
    else context.signal.addEventListener("abort", () => resolve("stopped"), { once: true });
  });
  // Nothing else may hold this process: listeners of a sandbox do.
  const end = await Promise.race([stopped, programEnded]);
  if (end === "stopped" || (end.kind === "exited" && end.exitCode === 0)) return 0;
  const { endText } = await import("../../sandbox/run-sandbox.ts");
  context.writeError(`tsmcp: error: the program ${endText(end)}\n`);
  return 1;
}

/** Throws `usage-invalid` unless exactly one way is given. */
function behindOf(values: SandboxValues, [file, ...args]: readonly string[]): Behind {
  const { target, private: tailnet, public: open } = values;
  const ways = [file, target, tailnet ?? open].filter((way) => way !== undefined).length;
  if (ways !== 1) {
    throw new TsmcpError({
      code: "usage-invalid",
      message:
        ways === 0
          ? "there is nothing to put into the sandbox"
          : "there is more than one thing to put into the sandbox",
      hint: 'give a program after "--", or --target, or --private and --public',
    });
  }
  if (file !== undefined) return { kind: "program", argv: [file, ...args] };
  if (target !== undefined) return { kind: "targets", tailnet: target, public: target };
  if (tailnet !== undefined) return { kind: "targets", tailnet, public: open };
  throw new TsmcpError({
    code: "usage-invalid",
    message: "--public is given without --private",
    hint: "name what the tailnet reaches with --private",
  });
}
