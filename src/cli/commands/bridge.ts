import { type Command, Option } from "commander";
import type { BridgeOptions } from "../../bridge/options.ts";
import { type BridgeValues, bridgeFlags, bridgeOptions } from "../bridge-options.ts";
import { createCommand, repeatedOption, type Session } from "../command.ts";
import type { CommandContext } from "../context.ts";

export function bridgeCommand(session: Session): Command {
  return createCommand<Readonly<Record<string, string | readonly string[] | undefined>>>({
    session,
    name: "bridge",
    summary: "what an agent starts: its MCP server on stdio, at the other end of the tailnet",
    description:
      "Carries MCP messages between the agent on stdin and stdout and a Streamable HTTP server on the tailnet.\n" +
      "It may start before the network is up, never ends because of the network, and leaves no session behind.",
    examples: [
      "tsmcp bridge https://node.tailnet.ts.net:8443/mcp",
      "tsmcp bridge notes --header 'Authorization: Bearer ${env:NOTES_TOKEN}'",
    ],
    arguments: [["<server>", "the server's URL, or its name in the configuration"]],
    options: bridgeFlags.map(({ name, value, description, repeatable }) =>
      repeatable === true
        ? repeatedOption(`--${name} <${value}>`, description)
        : new Option(`--${name} <${value}>`, description),
    ),
    ownVariables: bridgeFlags.flatMap(({ name, hasOwnVariable }) => (hasOwnVariable === true ? [name] : [])),
    run: async (context, options, [word = ""]) => {
      const { runBridge } = await import("../../bridge/run.ts");
      const { urls, admit } = await placeOf(word, context);
      const values: BridgeValues = Object.fromEntries(bridgeFlags.map(({ name }) => [name, options[camelCase(name)]]));
      const { log, env, signal } = context;
      return await runBridge(
        { ...bridgeOptions(urls, values), admit },
        {
          stdin: process.stdin,
          stdout: process.stdout,
          log,
          env,
          signal,
        },
      );
    },
  });
}

/** A URL is dialled as it was typed; what a repository calls by a name, only in this node's own tailnet. */
async function placeOf(word: string, context: CommandContext): Promise<Pick<BridgeOptions, "urls" | "admit">> {
  if (word.includes("://")) {
    const { urlsAsTyped } = await import("../../config/server.ts");
    return { urls: urlsAsTyped(word, "URL") };
  }
  const [{ loadConfig }, { findServer, serversOf }, { admissionOf }] = await Promise.all([
    import("../../config/load.ts"),
    import("../../config/servers.ts"),
    import("../bridge-admission.ts"),
  ]);
  const server = findServer(word, serversOf(loadConfig(context)));
  return { urls: server.tailnetUrls, admit: server.trusted ? undefined : admissionOf(server, context) };
}

/** As commander names an option's value. */
function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
