import { findExecutable } from "../../agents/executable.ts";
import { scriptsOf } from "../../agents/judge-entry.ts";
import { machineCheck, type Outcome, targetCheck } from "../check.ts";
import { type AgentEntryFinding, type AgentFindings, agentFiles, entriesOfTarget } from "../facts/agent-entries.ts";
import { plainText } from "../plain-text.ts";

const source = "https://cursor.com/docs/context/mcp";

export const platformAgentFile = machineCheck<AgentFindings>({
  id: "platform.agent-file",
  group: "platform",
  title: "the agent can read its configuration",
  needs: [],
  timeoutMs: 3_000,
  source,
  explain: {
    proves:
      "The MCP files of the agents that are used here (.cursor/mcp.json, in the workspace and at home) are what the agent reads: JSON with an object of servers, no key twice.",
    breaks: "A slip in the JSON. Agents then start no server at all, and few of them say so.",
    mend: "Mend the line that the message names.",
  },
  gather: agentFiles,
  judge: judgeAgentFile,
});

export function judgeAgentFile({ workspace, files }: AgentFindings): Outcome {
  if (workspace === undefined) return { status: "skip", message: "agents' files are not looked at" };
  const invalid = files.find((file) => file.kind === "invalid");
  const present = files.filter((file) => file.kind === "read");
  const facts = { workspace, files: files.map(({ path, kind }) => ({ path, kind })) };
  if (invalid?.kind === "invalid") {
    return {
      status: "fail",
      message: plainText(invalid.reason),
      facts,
      hint: `mend ${invalid.path}: ${invalid.agent.title} starts none of its servers as it is`,
    };
  }
  if (present.length === 0) return { status: "skip", message: "no agent's file here", facts };
  return { status: "pass", message: present.map(({ path }) => path).join(", "), facts };
}

interface EntryFinding {
  readonly agents: AgentFindings;
  readonly entries: readonly AgentEntryFinding[];
  readonly url: string;
}

export const platformAgentEntry = targetCheck<EntryFinding>({
  id: "platform.agent-entry",
  group: "platform",
  title: "the agent's configuration names the server",
  needs: ["platform.agent-file"],
  timeoutMs: 3_000,
  source,
  explain: {
    proves:
      "An entry leads to the server's tailnet URL. Whether Cursor's cloud loads the repository's file, or wants the server enabled in its dashboard too, is told differently in different places: look there when all else is well.",
    breaks: "An entry for another URL, or a file that was not committed.",
    mend: 'Run "tsmcp up --server NAME=URL", or write the entry by hand: { "command": "tsmcp", "args": ["bridge", URL] }.',
  },
  gather: async (context) => ({
    agents: await agentFiles(context.machine),
    entries: await entriesOfTarget(context),
    url: context.target.server.tailnetUrl,
  }),
  judge: judgeAgentEntry,
});

export function judgeAgentEntry({ agents, entries, url }: EntryFinding): Outcome {
  if (agents.workspace === undefined) return { status: "skip", message: "agents' files are not looked at" };
  const known = agents.files.filter((file) => file.kind === "read");
  const facts = { url, entries: entries.map(({ name, path }) => ({ name, path })) };
  if (entries.length > 0) {
    return {
      status: "pass",
      message: entries.map(({ name, path }) => `${plainText(name, 64)} in ${path}`).join(", "),
      facts,
    };
  }
  if (known.length === 0 && !agents.isAgentVm) return { status: "skip", message: "no agent's file here", facts };
  const where = known.length === 0 ? "no agent's file" : known.map(({ path }) => path).join(" and ");
  return {
    status: agents.isAgentVm ? "fail" : "warn",
    message:
      known.length === 0
        ? `${where} here, so that no agent knows ${url}`
        : `${where} ${known.length === 1 ? "has" : "have"} no entry for ${url}`,
    facts,
    hint: `run: tsmcp up --server NAME=${url}`,
  };
}

interface CommandFinding {
  readonly entries: readonly AgentEntryFinding[];
  /** What the entries start and is not there. */
  readonly missing: readonly { readonly name: string; readonly path: string; readonly program: string }[];
}

export const platformAgentCommand = targetCheck<CommandFinding>({
  id: "platform.agent-command",
  group: "platform",
  title: "what the agent starts is there",
  needs: ["platform.agent-entry"],
  timeoutMs: 3_000,
  source,
  explain: {
    proves: "The program in the agent's entry is on PATH, or at the path that the entry has, and may be run.",
    breaks:
      "An image in which tsmcp is not installed, an absolute path of another machine, a PATH that the agent does not have.",
    mend: "npm install --global tsmcp, in the image or in the install step.",
  },
  async gather(context) {
    const entries = await entriesOfTarget(context);
    const { workspace = "/", env } = context.machine.world;
    const missing = entries.flatMap(({ name, path, entry }) => {
      if (entry.kind === "url") return [];
      const program = [entry.command, ...scriptsOf(entry)].find(
        // What an agent puts in for ${…} is the agent's to know.
        (command) => !command.includes("${") && findExecutable(command, { env, workspace }) === undefined,
      );
      return program === undefined ? [] : [{ name, path, program }];
    });
    return { entries, missing };
  },
  judge: judgeAgentCommand,
});

export function judgeAgentCommand({ entries, missing }: CommandFinding): Outcome {
  if (entries.length === 0) return { status: "skip", message: "no entry names the server" };
  const [first] = missing;
  const facts = { missing: missing.map((one) => ({ ...one })) };
  if (first === undefined) return { status: "pass", message: "what the entry starts can be run", facts };
  const program = plainText(first.program, 200);
  return {
    status: "fail",
    message: `${plainText(first.name, 64)} in ${first.path} starts ${JSON.stringify(program)}, which is not there`,
    facts,
    hint: /(^|\/)tsmcp$/.test(program)
      ? "install it: npm install --global tsmcp"
      : `install ${program}, or correct the entry`,
  };
}
