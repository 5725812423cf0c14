import { type CursorEnvironment, readCursorEnvironment } from "../../agents/cursor-environment.ts";
import { agentOfThisMachine } from "../../agents/registry.ts";
import { settingsReader } from "../../agents/settings-reader.ts";
import { type Outcome, targetCheck } from "../check.ts";
import type { TargetContext } from "../context.ts";
import { type AgentEntryFinding, agentFiles, entriesOfTarget } from "../facts/agent-entries.ts";
import { plainText } from "../plain-text.ts";

const source = "https://cursor.com/docs/cloud-agent";

interface RulesFinding {
  readonly environment: CursorEnvironment;
  readonly entries: readonly AgentEntryFinding[];
}

/** An entry, and what the settings of its agent have against it. */
interface JudgedEntry extends AgentEntryFinding {
  readonly blockers: readonly string[];
}

export const platformAgentRules = targetCheck<{
  readonly environment: CursorEnvironment;
  readonly entries: readonly JudgedEntry[];
}>({
  id: "platform.agent-rules",
  group: "platform",
  title: "nothing forbids the agent to start the server",
  needs: ["platform.agent-entry"],
  timeoutMs: 3_000,
  source,
  explain: {
    proves:
      "Neither the agent's settings (allow-lists, deny-lists and switches: of the project, of the user and of an administrator), nor the entry itself (disabled), are in the server's way.",
    breaks:
      "An allow-list that was written before the server, a policy of the organization, or a switch somebody forgot.",
    mend: "Put the server into the list that the message names, or take the switch out.",
  },
  gather: async (context) => {
    const { environment, entries } = await findRules(context);
    const { workspace, env } = context.machine.world;
    const settings = settingsReader(workspace ?? "/", env);
    const vm = agentOfThisMachine(env);
    // In the machine of one agent, nobody else starts anything.
    const own = entries.filter(({ agent }) => vm === undefined || agent === vm);
    return { environment, entries: own.map((one) => ({ ...one, blockers: one.agent.blockersOf(one, settings) })) };
  },
  judge: judgeAgentRules,
});

export function judgeAgentRules({
  environment,
  entries,
}: {
  readonly environment: CursorEnvironment;
  readonly entries: readonly JudgedEntry[];
}): Outcome {
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
  if (entries.length === 0) return { status: "skip", message: "no entry names the server" };
  const barred = entries.filter(({ blockers }) => blockers.length > 0);
  const reasons = [...new Set(barred.flatMap(({ blockers }) => blockers))].map((one) => plainText(one));
  const facts = { reasons };
  const [first] = barred;
  if (first === undefined) return { status: "pass", message: "nothing forbids the agent to start the server", facts };
  return {
    status: "fail",
    message: `${first.agent.title} will not use ${plainText(first.name, 64)}: ${reasons.join("; ")}`,
    facts,
    hint: "put the server into that list, or take the switch out; where it is an administrator's, ask for it",
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
