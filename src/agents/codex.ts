import { codexBlockers } from "./codex-rules.ts";
import type { AgentDialect } from "./dialect.ts";
import { readEntryWith } from "./entry-forms.ts";

/** Codex gives up after 10 s (https://github.com/openai/codex/issues/11851), and the first start of a VM is its slowest. */
const startupTimeoutSec = 30;

/** https://developers.openai.com/codex/mcp: tables `mcp_servers.NAME` in the project's `.codex/config.toml`. */
export const codex: AgentDialect = {
  name: "codex",
  title: "Codex",
  format: "toml",
  path: ".codex/config.toml",
  holderKey: "mcp_servers",
  commandEntry: (command, args) => ({ command, args, startup_timeout_sec: startupTimeoutSec }),
  urlEntry: (url) => ({ url, startup_timeout_sec: startupTimeoutSec }),
  readEntry: readEntryWith(["url"]),
  transport: "stdio, http",
  startBudget: `10 s; startup_timeout_sec = ${startupTimeoutSec} is written`,
  quirks: [
    "reads the project's file only where the project is trusted",
    "its cloud takes secrets away after the setup script: join there",
  ],
  isAgentVm: () => false,
  isUsedIn: (hasPath) => hasPath(".codex"),
  blockersOf: codexBlockers,
};
