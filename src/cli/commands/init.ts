import { type Command, Option } from "commander";
import type { InitPlan } from "../../init/plan-init.ts";
import type { InitSubject } from "../../init/subjects.ts";
import { createCommand, repeatedOption, type Session } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { fromHere } from "../from-here.ts";
import type { InitPolicyOptions } from "../init-policy.ts";

interface InitOptions extends InitPolicyOptions {
  readonly list?: boolean;
  readonly print?: boolean;
  readonly force?: boolean;
  readonly server: readonly string[];
  readonly workspace?: string;
}

export function initCommand(session: Session): Command {
  return createCommand<InitOptions>({
    session,
    name: "init",
    summary: "write what an agent or a platform needs, to be committed",
    description:
      "Writes the files that bring the tailnet up on an agent's or a platform's machines and give the agent its servers.\n" +
      "They are true on every machine and hold no secret. Files that hold more are merged; nothing of yours is replaced.\n" +
      "policy prints the tailnet's policy, and with --for what lets a platform's machines join without a stored key.",
    arguments: [["[what]", "an agent, a platform or the policy (see --list)"]],
    examples: [
      "tsmcp init cursor --server notes=https://node.tailnet.ts.net:8443/mcp",
      "tsmcp init github-actions --print",
      "tsmcp init policy --for github",
      "tsmcp init --list",
    ],
    options: [
      new Option("--list", "list what there is, and what is to know about it"),
      new Option("--print", "only print what would be written"),
      new Option("--force", "replace what is there and differs"),
      repeatedOption("--server <name=url>", "an MCP server; may be repeated (default: those of the configuration)"),
      new Option("--for <platform>", "policy: whose machines are to join without a stored key").choices([
        "cursor",
        "github",
      ]),
      new Option("--advertise-tags <tag>", "policy: the tag that they get (default: tag:agent)"),
      new Option("--workspace <dir>", "the repository (default: the working directory)"),
    ],
    run: async (context, options, [what]) => {
      const { findSubject, initSubjects } = await import("../../init/subjects.ts");
      if (options.list === true) {
        const { listOf, listText } = await import("../../init/list.ts");
        context.result(listOf(initSubjects), listText(listOf(initSubjects)));
        return 0;
      }
      if (what === "policy") {
        const { printPolicy } = await import("../init-policy.ts");
        await printPolicy(options, context);
        return 0;
      }
      const { requireWhat, requestedServers } = await import("../init-request.ts");
      const subject = findSubject(requireWhat(what));
      const workspace = fromHere(options.workspace ?? ".", "--workspace", context);
      const servers = subject.side === "server" ? [] : requestedServers(options.server, context);
      await runInit(context, { subject, options, words: { workspace, servers } });
      return 0;
    },
  });
}

async function runInit(
  context: CommandContext,
  {
    subject,
    options,
    words,
  }: { subject: InitSubject; options: InitOptions; words: Parameters<InitSubject["outputs"]>[0] },
): Promise<void> {
  const { applyInit, planInit } = await import("../../init/plan-init.ts");
  const print = options.print === true;
  // What is only printed replaces nothing.
  const plan = planInit(subject.outputs(words), {
    ...words,
    force: options.force === true || print,
    env: context.env,
  });
  if (!print) applyInit(plan);
  const value = {
    files: plan.files.map(({ path, outcome, detail, text }) => ({
      path,
      outcome: print ? "planned" : outcome,
      detail,
      ...(print ? { text } : {}),
    })),
    pastes: plan.pastes.map(({ where, text }) => ({ where, text })),
  };
  context.result(value, print ? printedText(plan) : doneText(plan));
}

function doneText({ files, pastes }: InitPlan): string {
  const lines = files.map(({ path, outcome, detail }) => `${outcome} ${path}${detail === "" ? "" : ` (${detail})`}\n`);
  return lines.join("") + pasteText(pastes);
}

function printedText({ files, pastes }: InitPlan): string {
  return files.map(({ path, text }) => `==> ${path}\n${text}\n`).join("") + pasteText(pastes);
}

function pasteText(pastes: InitPlan["pastes"]): string {
  return pastes.map(({ where, text }) => `paste into ${where}:\n${text}`).join("");
}
