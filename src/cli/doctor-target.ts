import type { ConfiguredServer } from "../config/servers.ts";
import type { Target, ToolCall } from "../doctor/target.ts";

/** What the command line expects of a server, in the place of what the configuration expects. */
export interface Expectations {
  readonly expectedTools?: readonly string[];
  readonly minTools?: number | undefined;
  readonly call?: ToolCall | undefined;
}

/** Returns the server as the doctor takes it. */
export function targetOf(server: ConfiguredServer, given: Expectations = {}): Target {
  const { expect, probe, trusted } = server;
  // A file that comes with a repository may name a server, but not what is run on it.
  const configured = trusted && probe ? { tool: probe.tool, arguments: probe.arguments ?? {} } : undefined;
  return {
    server,
    expectedTools: given.expectedTools ?? expect?.tools ?? [],
    minTools: given.minTools ?? expect?.minTools,
    publicTools: expect?.publicTools ?? [],
    probe: given.call ?? configured,
  };
}
