import { existsSync } from "node:fs";
import { join } from "node:path";
import { TsmcpError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { claude } from "./claude.ts";
import { codex } from "./codex.ts";
import { copilotCli } from "./copilot-cli.ts";
import { cursor } from "./cursor.ts";
import type { AgentDialect } from "./dialect.ts";
import { gemini } from "./gemini.ts";
import { pastedDialects } from "./pasted.ts";
import { vscode } from "./vscode.ts";
import { zed } from "./zed.ts";

/** Every agent that tsmcp can write for. */
export const agentDialects: readonly AgentDialect[] = [cursor, claude, codex, copilotCli, gemini, vscode, zed];

/**
 * Returns the agents that the words of `--agent` mean, each once: a name, or `auto` for those whose VM this is or that
 * are used in the workspace (there: have their file); Cursor where there is no trace of any, and none in a CI job, whose checkout stays clean.
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
  const own = agentOfThisMachine(env);
  const found = agentDialects.filter((agent) => {
    // In the VM of one agent, a new file for another would only make the working tree unclean.
    return own === undefined ? agent.isUsedIn(hasPath) : agent === own || hasPath(agent.path);
  });
  if (found.length > 0) return found;
  return (env.CI ?? "") === "" ? [cursor] : [];
}

function findAgent(word: string): AgentDialect {
  const agent = agentDialects.find(({ name }) => name === word);
  if (agent !== undefined) return agent;
  const pasted = pastedDialects.find(({ name }) => name === word);
  if (pasted !== undefined) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: `${pasted.title} reads nothing from the workspace, so there is no file to write`,
      hint: `run "tsmcp init ${pasted.name}" and paste what it prints into ${pasted.where}`,
    });
  }
  const names = [...agentDialects.map(({ name }) => name), "auto"];
  const guess = nearest(word, names);
  throw new TsmcpError({
    code: "usage-invalid",
    message: `no agent is named ${JSON.stringify(word)}`,
    hint: guess === undefined ? `name one of ${names.join(", ")}` : `did you mean ${JSON.stringify(guess)}?`,
  });
}
