import { Option } from "commander";
import { durationOption, repeatedOption } from "./command.ts";

/** How `tools` and `call` find their server. */
export interface ServerOptions {
  readonly server?: string;
  readonly timeout?: number;
  readonly proxy?: string;
  readonly header: readonly string[];
}

export function serverOptions(): Option[] {
  return [
    new Option("--server <name|url>", "the server (default: the only one that is configured)"),
    durationOption("--timeout <time>", "give up after this time (default: none)"),
    new Option("--proxy <url|none>", "the way to the tailnet (default: found as the bridge finds it)"),
    repeatedOption("--header <k: v>", `send this too; a secret is written \${env:NAME}; may be repeated`),
  ];
}

/** The bridge's own order of places has a say of its variable. */
export const serverOwnVariables: readonly string[] = ["proxy"];
