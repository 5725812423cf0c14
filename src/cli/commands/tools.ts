import type { Command } from "commander";
import { createCommand, type Session } from "../command.ts";
import { type ServerOptions, serverOptions, serverOwnVariables } from "../server-options.ts";

export function toolsCommand(session: Session): Command {
  return createCommand<ServerOptions>({
    session,
    name: "tools",
    summary: "list the tools of a server on the tailnet",
    description:
      "Prints the tools as a table to a terminal and as JSON to a pipe, in both cases all that the server shows to\n" +
      "this machine. It finds its way as the bridge does.",
    examples: [
      "tsmcp tools",
      "tsmcp tools --server https://node.tailnet.ts.net:8443/mcp",
      "tsmcp tools --server notes | jq '.tools[].name'",
    ],
    options: serverOptions(),
    ownVariables: serverOwnVariables,
    run: async (context, options) => {
      const [{ nameServer, withServer }, { timeLimit }, { toolsText }, { plainJson, plainLines }] = await Promise.all([
        import("../server-client.ts"),
        import("../time-limit.ts"),
        import("../tool-text.ts"),
        import("../../core/plain-text.ts"),
      ]);
      const server = await nameServer(options.server, context);
      const limit = timeLimit(options.timeout, { signal: context.signal, what: "the list" });
      const reach = { proxy: options.proxy, headers: options.header, signal: limit.signal };
      const listed = await withServer(server, context, {
        ...reach,
        work: async (client) => ({
          server: client.serverInfo,
          protocolVersion: client.protocolVersion,
          tools: await client.listTools(),
        }),
      }).finally(() => limit.stop());
      const isText = context.outIsTerminal && !context.json;
      const text = isText ? plainLines(toolsText(listed.tools)) : `${plainJson(JSON.stringify(listed, null, 2))}\n`;
      context.writeOut(text);
      return 0;
    },
  });
}
