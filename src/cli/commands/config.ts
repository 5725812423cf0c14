import type { Command } from "commander";
import { createCommand, type Session } from "../command.ts";

export function configCommand(session: Session): Command {
  return createCommand({
    session,
    name: "config",
    summary: "print every effective value and where it comes from",
    description:
      "Prints every effective value of the configuration and its origin: an environment variable, FILE:LINE:COLUMN\n" +
      "or the default. A tsmcp.config.json found upwards from here may set only servers, agents and\n" +
      "tailscale.hostname; --config, ~/.config/tsmcp/config.json and the environment may set everything.",
    examples: ["tsmcp config", "tsmcp config --config ./tsmcp.config.json --json"],
    run: async (context) => {
      const [{ explainConfig }, { loadConfig }] = await Promise.all([
        import("../../config/explain.ts"),
        import("../../config/load.ts"),
      ]);
      const loaded = loadConfig(context);
      const values = explainConfig({ loaded, env: context.env });
      const files = loaded.sources.map(({ path, trusted }) => ({ path, trusted }));
      const width = Math.max(...values.map(({ key }) => key.length));
      const lines = values.map(
        ({ key, value, origin }) => `${key.padEnd(width)}  ${JSON.stringify(value)}  (${origin})\n`,
      );
      context.result({ files, values }, lines.join(""));
      return 0;
    },
  });
}
