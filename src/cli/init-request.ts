import { loadConfig } from "../config/load.ts";
import { serverFromAssignment } from "../config/server.ts";
import { serversOf } from "../config/servers.ts";
import { TsmcpError } from "../core/errors.ts";
import type { CommandContext } from "./context.ts";

/** Throws `usage-invalid` where `init` was not told what to write. */
export function requireWhat(what: string | undefined): string {
  if (what !== undefined) return what;
  throw new TsmcpError({
    code: "usage-invalid",
    message: "init was not told what to write",
    hint: 'name an agent or a platform, such as "tsmcp init cursor"; "tsmcp init --list" shows them all',
  });
}

/**
 * Returns the servers of the command line, else those of the configuration. Throws `usage-invalid` where there are none.
 */
export function requestedServers(
  assignments: readonly string[],
  context: CommandContext,
): readonly { readonly name: string; readonly url: string }[] {
  const servers =
    assignments.length > 0
      ? new Map(assignments.map((text) => serverFromAssignment(text, "--server")).map((one) => [one.name, one]))
      : serversOf(loadConfig(context));
  if (servers.size === 0) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: "no server is known, so there is nothing to give to an agent",
      hint: "pass --server notes=https://node.tailnet.ts.net:8443/mcp, or write tsmcp.config.json",
    });
  }
  return [...servers.values()].map(({ name, tailnetUrl }) => ({ name, url: tailnetUrl }));
}
