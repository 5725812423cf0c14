import type { Command } from "commander";
import type { Session } from "./command.ts";

/** Returns every command, in the order of the help page. */
export function allCommands(_session: Session): Command[] {
  return [];
}
