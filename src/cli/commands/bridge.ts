import { dirname, join } from "node:path";
import { type Command, Option } from "commander";
import type { BridgeOptions } from "../../bridge/options.ts";
import { type BridgeValues, bridgeFlags, bridgeOptions } from "../bridge-options.ts";
import { createCommand, repeatedOption, type Session } from "../command.ts";
import type { CommandContext } from "../context.ts";

export function bridgeCommand(session: Session): Command {
  return createCommand<BridgeValues>({
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
    options: bridgeFlags.map(({ name, value, description, repeatable }) => {
      const flags = value === undefined ? `--${name}` : `--${name} <${value}>`;
      return repeatable === true ? repeatedOption(flags, description) : new Option(flags, description);
    }),
    ownVariables: bridgeFlags.flatMap(({ name, hasOwnVariable }) => (hasOwnVariable === true ? [name] : [])),
    run: async (context, options, [word = ""]) => {
      const { runBridge } = await import("../../bridge/run.ts");
      const { urls, ...place } = await placeOf(word, context);
      const values: BridgeValues = Object.fromEntries(bridgeFlags.map(({ name }) => [name, options[camelCase(name)]]));
      const { log, env, signal, cwd, socket } = context;
      const typed = bridgeOptions(urls, values);
      const { stdin, stdout } = process;
      return await runBridge(
        { ...typed, ...place, lockFile: typed.lockFile ?? place.lockFile, socket },
        { stdin, stdout, log, env, cwd, signal },
      );
    },
  });
}

type Place = Pick<BridgeOptions, "urls" | "admit" | "lockFile">;

/** A URL is dialled as it was typed; what a repository calls by a name, only in this node's own tailnet. */
async function placeOf(word: string, context: CommandContext): Promise<Place> {
  if (word.includes("://")) {
    const { urlsAsTyped } = await import("../../config/server.ts");
    return { urls: urlsAsTyped(word, "URL") };
  }
  const [{ loadConfig }, { lockFileName }, { findServer, serversOf }, { admissionOf }] = await Promise.all([
    import("../../config/load.ts"),
    import("../../config/lock.ts"),
    import("../../config/servers.ts"),
    import("../bridge-admission.ts"),
  ]);
  const config = loadConfig(context);
  const server = findServer(word, serversOf(config));
  const source = config.sources.find(({ config: { servers = {} } }) => word in servers);
  return {
    urls: server.tailnetUrls,
    admit: server.trusted ? undefined : admissionOf(server, context),
    lockFile: source && join(dirname(source.path), lockFileName),
  };
}

/** As commander names an option's value. */
function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
