import type { Command } from "commander";
import type { Session } from "./command.ts";
import { configCommand } from "./commands/config.ts";
import { downCommand } from "./commands/down.ts";
import { statusCommand } from "./commands/status.ts";
import { upCommand } from "./commands/up.ts";

/** Returns every command, in the order of the help page. */
export function allCommands(session: Session): Command[] {
  return [upCommand(session), downCommand(session), statusCommand(session), configCommand(session)];
}
