import { basename } from "node:path";
import type { EntryDialect } from "../agents/dialect.ts";
import { pastedDialects } from "../agents/pasted.ts";
import { agentDialects } from "../agents/registry.ts";
import { TsmcpError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { JsonObject } from "../core/record.ts";
import { claudeOutputs } from "./claude.ts";
import { codespacesOutputs } from "./codespaces.ts";
import { cursorOutputs } from "./cursor.ts";
import type { InitOutput, InitWords } from "./output.ts";
import { tailnetPolicyText } from "./tailnet-policy.ts";
import { fillTemplate } from "./template.ts";

/** What `tsmcp init` can write, by name. */
export interface InitSubject {
  readonly name: string;
  readonly title: string;
  /** The agent that it is for, where it is for one. */
  readonly dialect?: EntryDialect;
  /** The side where the servers are needs no address of theirs. */
  readonly side: "agent" | "server";
  readonly outputs: (words: InitWords) => readonly InitOutput[];
}

/** Those of agents whose machines or people need more than the entry. */
const fullOutputs: Readonly<Record<string, InitSubject["outputs"]>> = {
  cursor: cursorOutputs,
  claude: claudeOutputs,
  codex: (words) => [
    ...entriesOf("codex"),
    { kind: "section", path: "AGENTS.md", text: fillTemplate("agents-section.md", words) },
    {
      kind: "paste",
      where: "the setup script of the environment (chatgpt.com/codex, Environments)",
      text: fillTemplate("codex-setup.sh", words),
    },
  ],
  copilot: (words) => [
    {
      kind: "whole",
      path: ".github/workflows/copilot-setup-steps.yml",
      text: fillTemplate("copilot/copilot-setup-steps.yml", words),
    },
    { kind: "section", path: "AGENTS.md", text: fillTemplate("agents-section.md", words) },
    ...pasteOf("copilot", words),
  ],
};

const agentSubjects: readonly InitSubject[] = [...agentDialects, ...pastedDialects].map((dialect) => ({
  name: dialect.name,
  title: dialect.title,
  dialect,
  side: "agent",
  outputs: fullOutputs[dialect.name] ?? ((words) => [...entriesOf(dialect.name), ...pasteOf(dialect.name, words)]),
}));

const platformSubjects: readonly InitSubject[] = [
  {
    name: "codespaces",
    title: "GitHub Codespaces and other dev containers",
    side: "agent",
    outputs: codespacesOutputs,
  },
  {
    name: "github-actions",
    title: "GitHub Actions",
    side: "agent",
    outputs: (words) => [
      {
        kind: "whole",
        path: ".github/actions/tsmcp/action.yml",
        text: fillTemplate("github-actions/action.yml", words),
      },
      { kind: "whole", path: ".github/workflows/tsmcp.yml", text: fillTemplate("github-actions/tsmcp.yml", words) },
    ],
  },
  {
    name: "gitlab-ci",
    title: "GitLab CI",
    side: "agent",
    outputs: (words) => [
      { kind: "whole", path: ".gitlab/tsmcp.yml", text: fillTemplate("gitlab-ci/tsmcp.yml", words) },
    ],
  },
];

/** Where the servers are: everything in one folder, to be copied or started there. */
const serverSubjects: readonly InitSubject[] = [
  {
    name: "compose",
    title: "Docker Compose: tailscaled and the gateway",
    side: "server",
    outputs: (words) =>
      ["compose.yml", "Dockerfile", "gateway.config.json", "serve.json"].map((file) =>
        wholeFile(`server/${file}`, words),
      ),
  },
  {
    name: "dockerfile",
    title: "an image with tsmcp and tailscale",
    side: "server",
    outputs: (words) => [wholeFile("server/Dockerfile", words)],
  },
  {
    name: "kubernetes",
    title: "Kubernetes: a pod of tailscaled and the gateway, and several behind a Tailscale Service",
    side: "server",
    outputs: (words) => [
      ...[
        "kubernetes/kustomization.yaml",
        "kubernetes/gateway.yaml",
        "server/Dockerfile",
        "server/gateway.config.json",
        "server/serve.json",
      ].map((file) => wholeFile(file, words)),
      // Beside it, because a kustomization may not stand within what it builds upon.
      ...["kustomization.yaml", "replicas.yaml", "gateway.config.json", "serve.json"].map((file) =>
        wholeFile(`kubernetes/replicas/${file}`, words, "tsmcp-replicas"),
      ),
    ],
  },
  {
    name: "policy",
    title: "the tailnet's policy: tags, grants, Funnel; with --for also the trust in a platform's machines",
    side: "server",
    outputs: () => [
      {
        kind: "paste",
        where: "the tailnet's policy file (login.tailscale.com/admin/acls/file)",
        text: tailnetPolicyText("tag:agent"),
      },
    ],
  },
  {
    name: "systemd",
    title: "systemd: the gateway behind the machine's tailscaled, and a machine that joins",
    side: "server",
    outputs: (words) =>
      ["systemd/tsmcp-gateway.service", "systemd/tsmcp-up.service", "server/gateway.config.json"].map((file) =>
        wholeFile(file, words),
      ),
  },
];

export const initSubjects: readonly InitSubject[] = [...agentSubjects, ...platformSubjects, ...serverSubjects];

/** Throws `usage-invalid` with the nearest name. */
export function findSubject(word: string): InitSubject {
  const subject = initSubjects.find(({ name }) => name === word);
  if (subject !== undefined) return subject;
  const names = initSubjects.map(({ name }) => name);
  const guess = nearest(word, names) ?? names.find((name) => name.startsWith(`${word}-`));
  throw new TsmcpError({
    code: "usage-invalid",
    message: `there is no template named ${JSON.stringify(word)}`,
    hint:
      guess === undefined ? 'run "tsmcp init --list" to see what there is' : `did you mean ${JSON.stringify(guess)}?`,
  });
}

function wholeFile(template: string, words: InitWords, folder = "tsmcp"): InitOutput {
  return { kind: "whole", path: `${folder}/${basename(template)}`, text: fillTemplate(template, words) };
}

function entriesOf(name: string): readonly InitOutput[] {
  return agentDialects.filter((one) => one.name === name).map((dialect) => ({ kind: "entries", dialect }));
}

function pasteOf(name: string, { servers }: InitWords): readonly InitOutput[] {
  return pastedDialects
    .filter((one) => one.name === name)
    .map(({ holderKey, commandEntry, where }) => {
      const entries: JsonObject = Object.fromEntries(
        servers.map((server) => [server.name, commandEntry("tsmcp", ["bridge", server.url])]),
      );
      return { kind: "paste", where, text: `${JSON.stringify({ [holderKey]: entries }, null, 2)}\n` };
    });
}
