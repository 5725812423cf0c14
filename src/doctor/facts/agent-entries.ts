import { existsSync } from "node:fs";
import { join } from "node:path";
import { readAgentFile } from "../../agents/agent-file.ts";
import type { AgentDialect, AgentEntry } from "../../agents/dialect.ts";
import { leadsTo } from "../../agents/judge-entry.ts";
import { agentDialects, agentOfThisMachine } from "../../agents/registry.ts";
import { TsmcpError } from "../../core/errors.ts";
import type { MachineContext, TargetContext } from "../context.ts";
import { observation } from "../observation.ts";

/** An agent's file, of the workspace or of the user. */
export type AgentFileFinding =
  | { readonly kind: "missing"; readonly agent: AgentDialect; readonly path: string }
  | { readonly kind: "invalid"; readonly agent: AgentDialect; readonly path: string; readonly reason: string }
  | {
      readonly kind: "read";
      readonly agent: AgentDialect;
      readonly path: string;
      readonly entries: ReadonlyMap<string, unknown>;
    };

export interface AgentFindings {
  /** Undefined: the agents' files are not looked at in this run. */
  readonly workspace: string | undefined;
  /** Whether this is the machine of an agent, on its maker's cloud. */
  readonly isAgentVm: boolean;
  readonly files: readonly AgentFileFinding[];
}

/** One entry that leads to a server. */
export interface AgentEntryFinding {
  readonly name: string;
  readonly path: string;
  readonly agent: AgentDialect;
  readonly entry: AgentEntry;
  /** As it stands in the file. */
  readonly raw: unknown;
}

/** What the agents that are used here have in their files. */
export const agentFiles = observation(async ({ world }: MachineContext): Promise<AgentFindings> => {
  const { workspace, env } = world;
  if (workspace === undefined) return { workspace, isAgentVm: false, files: [] };
  const vm = agentOfThisMachine(env);
  const agents = agentDialects.filter(
    (agent) => agent === vm || agent.isUsedIn((path) => existsSync(join(workspace, path))),
  );
  const { HOME } = env;
  const places = [workspace, ...(HOME?.startsWith("/") && HOME !== workspace && existsSync(HOME) ? [HOME] : [])];
  const files = agents.flatMap((agent) => places.map((place) => readFile(place, agent)));
  return { workspace, isAgentVm: vm !== undefined, files };
});

/** The entries that lead to the server. */
export const entriesOfTarget = observation(
  async ({ machine, target }: TargetContext): Promise<readonly AgentEntryFinding[]> => {
    const { files } = await agentFiles(machine);
    return files.flatMap((file) => {
      if (file.kind !== "read") return [];
      return [...file.entries].flatMap(([name, raw]) => {
        const entry = file.agent.readEntry(raw);
        const urls = [target.server.tailnetUrl, ...target.server.tailnetUrls];
        const leads = entry !== undefined && urls.some((url) => leadsTo(entry, url));
        return leads ? [{ name, path: file.path, agent: file.agent, entry, raw }] : [];
      });
    });
  },
);

function readFile(place: string, agent: AgentDialect): AgentFileFinding {
  const path = join(place, agent.path);
  try {
    const file = readAgentFile(place, agent);
    if (file.found === undefined) return { kind: "missing", agent, path };
    return { kind: "read", agent, path: file.path, entries: file.document.entries };
  } catch (error) {
    if (!(error instanceof TsmcpError)) throw error;
    return { kind: "invalid", agent, path, reason: error.message };
  }
}
