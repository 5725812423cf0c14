import { existsSync } from "node:fs";
import { join } from "node:path";
import { TsmcpError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { cursor } from "./cursor.ts";
import type { AgentDialect } from "./dialect.ts";

/** Every agent that tsmcp can write for. */
export const agentDialects: readonly AgentDialect[] = [cursor];

/**
 * Returns the agents that the words of `--agent` mean, each once: a name, or `auto` for those whose VM this is or that
 * are used in the workspace; Cursor where there is no trace of any, and none in a CI job, whose checkout stays clean.
 * Throws `usage-invalid` with the nearest name.
 */
export function selectAgents(words: readonly string[], place: { env: Environment; workspace: string }): AgentDialect[] {
  const selected = words.flatMap((word) => (word === "auto" ? detectAgents(place) : [findAgent(word)]));
  return [...new Set(selected)];
}

/** Returns the agent in whose cloud VM this runs, or undefined. */
export function agentOfThisMachine(env: Environment): AgentDialect | undefined {
  return agentDialects.find((agent) => agent.isAgentVm({ env, exists: existsSync }));
}

function detectAgents({ env, workspace }: { env: Environment; workspace: string }): AgentDialect[] {
  const hasPath = (path: string): boolean => existsSync(join(workspace, path));
  const found = agentDialects.filter((agent) => {
    return agent.isAgentVm({ env, exists: existsSync }) || agent.isUsedIn(hasPath);
  });
  if (found.length > 0) return found;
  return (env.CI ?? "") === "" ? [cursor] : [];
}

function findAgent(word: string): AgentDialect {
  const agent = agentDialects.find(({ name }) => name === word);
  if (agent !== undefined) return agent;
  const names = [...agentDialects.map(({ name }) => name), "auto"];
  const guess = nearest(word, names);
  throw new TsmcpError({
    code: "usage-invalid",
    message: `no agent is named ${JSON.stringify(word)}`,
    hint: guess === undefined ? `name one of ${names.join(", ")}` : `did you mean ${JSON.stringify(guess)}?`,
  });
}
