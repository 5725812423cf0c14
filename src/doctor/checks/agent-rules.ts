import { type CursorEnvironment, isAllowed, readCursorEnvironment } from "../../agents/cursor-environment.ts";
import { type Outcome, targetCheck } from "../check.ts";
import type { TargetContext } from "../context.ts";
import { type AgentEntryFinding, agentFiles, entriesOfTarget } from "../facts/agent-entries.ts";
import { plainText } from "../plain-text.ts";

const source = "https://cursor.com/docs/cloud-agent";

interface RulesFinding {
  readonly environment: CursorEnvironment;
  readonly entries: readonly AgentEntryFinding[];
}

export const platformAgentRules = targetCheck<RulesFinding>({
  id: "platform.agent-rules",
  group: "platform",
  title: "nothing forbids the agent to start the server",
  needs: ["platform.agent-entry"],
  timeoutMs: 3_000,
  source,
  explain: {
    proves:
      "Neither disableAllMcpServers nor mcpServerAllowlist in .cursor/environment.json, nor the entry itself (disabled), is in the server's way.",
    breaks: "An allow-list that was written before the server, or a switch somebody forgot.",
    mend: "Add the entry's name to mcpServerAllowlist, and take disableAllMcpServers and disabled out.",
  },
  gather: findRules,
  judge: judgeAgentRules,
});

export function judgeAgentRules({ environment, entries }: RulesFinding): Outcome {
  if (environment.kind === "invalid") {
    return { status: "fail", message: `${environment.path}: ${plainText(environment.reason)}`, hint: "mend that file" };
  }
  const isOff = entries.find(({ raw }) => isSwitchedOff(raw));
  if (isOff !== undefined) {
    const message = `${plainText(isOff.name, 64)} is switched off in ${isOff.path}`;
    return {
      status: "fail",
      message,
      facts: { name: isOff.name },
      hint: `take "disabled" out of the entry in ${isOff.path}`,
    };
  }
  if (environment.kind === "missing") return { status: "skip", message: "no rules for agents here" };
  const { path, disablesAllServers, allowed } = environment;
  const facts = {
    path,
    disableAllMcpServers: disablesAllServers,
    allowed: allowed === undefined ? null : [...allowed],
  };
  if (disablesAllServers) {
    const message = `${path} switches every MCP server off (disableAllMcpServers)`;
    return { status: "fail", message, facts, hint: `take disableAllMcpServers out of ${path}` };
  }
  const barred = entries.length > 0 && !entries.some(({ name }) => isAllowed(allowed, name));
  if (!barred) return { status: "pass", message: `${path} lets the server run`, facts };
  const name = plainText(entries[0]?.name ?? "", 64);
  return {
    status: "fail",
    message: `${path} lets only ${(allowed ?? []).map((one) => plainText(one, 64)).join(", ") || "none"} run, not ${name}`,
    facts,
    hint: `add ${JSON.stringify(name)} to mcpServerAllowlist in ${path}`,
  };
}

export const platformAgentReach = targetCheck<RulesFinding & { readonly isAgentVm: boolean }>({
  id: "platform.agent-reach",
  group: "platform",
  title: "the agent starts the server where the tailnet is",
  needs: ["platform.agent-entry"],
  timeoutMs: 3_000,
  source,
  explain: {
    proves:
      "The entry is of a kind that works in a cloud agent, and the network is brought up on each boot. Cursor calls a url entry from its own cloud, outside the tailnet, whatever ALL_PROXY says; mcp-remote and SSE do not work in its cloud agents; install is kept in a snapshot that loses every process; start is not waited for, which the bridge bears.",
    breaks: "A url entry, mcp-remote, an address that ends in /sse, or tsmcp up in install.",
    mend: 'Let the entry start "tsmcp bridge URL", and put "tsmcp up" into start of .cursor/environment.json.',
  },
  gather: async (context) => ({
    ...(await findRules(context)),
    isAgentVm: (await agentFiles(context.machine)).isAgentVm,
  }),
  judge: judgeAgentReach,
});

export function judgeAgentReach({
  environment,
  entries,
  isAgentVm,
}: RulesFinding & { readonly isAgentVm: boolean }): Outcome {
  const isCloud = isAgentVm || environment.kind === "read";
  if (entries.length === 0) return { status: "skip", message: "no entry names the server" };
  if (!isCloud) return { status: "skip", message: "no cloud agent is set up here" };
  const obstacles = entries.map((entry) => obstacleOf(entry));
  const [first] = obstacles;
  const facts = { entries: entries.map(({ name, entry }) => ({ name, kind: entry.kind })) };
  if (first !== undefined && obstacles.every((obstacle) => obstacle !== undefined)) {
    return { status: "warn", message: first, facts, hint: 'let the entry start "tsmcp bridge URL"' };
  }
  const isBridge = entries.some(
    ({ entry }) =>
      entry.kind === "command" &&
      /(^|\/)tsmcp$/.test([entry.command, ...entry.args].find((word) => /(^|\/)tsmcp$/.test(word)) ?? ""),
  );
  if (environment.kind === "read" && isBridge && !/\btsmcp\b/.test(environment.start)) {
    const inInstall = /\btsmcp(-bootstrap)? up\b|\btsmcp-bootstrap\b/.test(environment.install);
    return {
      status: "warn",
      message: inInstall
        ? `${environment.path} runs tsmcp up in install, whose processes are lost in the snapshot`
        : `${environment.path} has no tsmcp up in start, so nothing brings the network up on boot`,
      facts,
      hint: `put "tsmcp up" into start of ${environment.path}`,
    };
  }
  return { status: "pass", message: "the entry runs in the agent's own machine", facts };
}

function obstacleOf({ name, entry }: AgentEntryFinding): string | undefined {
  const shown = plainText(name, 64);
  if (entry.kind === "url") {
    return /\/sse\/?$/.test(entry.url)
      ? `${shown} is an SSE address, which cloud agents do not take`
      : `${shown} is a url, which the agent's maker calls from outside the tailnet`;
  }
  return [entry.command, ...entry.args].some((word) => /(^|\/)mcp-remote(@|$)/.test(word))
    ? `${shown} starts mcp-remote, which does not work in a cloud agent`
    : undefined;
}

/** Agents differ in the word. */
function isSwitchedOff(raw: unknown): boolean {
  if (typeof raw !== "object" || raw === null) return false;
  return ("disabled" in raw && raw.disabled === true) || ("enabled" in raw && raw.enabled === false);
}

async function findRules(context: TargetContext): Promise<RulesFinding> {
  const { workspace } = context.machine.world;
  const entries = await entriesOfTarget(context);
  if (workspace === undefined) return { environment: { kind: "missing" }, entries };
  const { files } = await agentFiles(context.machine);
  const isCursor = files.some(({ agent }) => agent.name === "cursor");
  return { environment: isCursor ? readCursorEnvironment(workspace) : { kind: "missing" }, entries };
}
