import { type Command, Option } from "commander";
import { createCommand, durationOption, type Session } from "../command.ts";

interface DownOptions {
  readonly keepLogin?: boolean;
  readonly timeout: number;
}

export function downCommand(session: Session): Command {
  return createCommand<DownOptions>({
    session,
    name: "down",
    summary: "leave the tailnet, and take back what up did",
    description: "Logs out, stops only what up started and removes only what up wrote. Doing it twice is fine.",
    examples: ["tsmcp down", "tsmcp down --keep-login"],
    options: [
      new Option("--keep-login", "only stop: the next up needs no key"),
      durationOption("--timeout <duration>", "how long to wait for another tsmcp at work here", "90s"),
    ],
    run: async (context, options) => {
      const { down } = await import("../../bootstrap/down.ts");
      const report = await down({ keepLogin: options.keepLogin === true, timeoutMs: options.timeout }, context);
      const stopped = report.stopped.length > 0;
      const text = stopped ? `down${report.loggedOut ? " and logged out" : ""}\n` : "was down already\n";
      context.result(report, text);
      return 0;
    },
  });
}
