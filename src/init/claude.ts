import { claude } from "../agents/claude.ts";
import type { InitOutput, InitWords } from "./output.ts";
import { fillTemplate } from "./template.ts";

const hookPath = ".claude/hooks/tsmcp-session-start.sh";

/** Longer than `up` may take (90 s), with room for the installation. */
const hookTimeoutSec = 180;

/** What a session of Claude Code on the web needs: https://code.claude.com/docs/en/claude-code-on-the-web, and its hooks. */
export function claudeOutputs(words: InitWords): readonly InitOutput[] {
  const hook = { type: "command", command: `"$CLAUDE_PROJECT_DIR"/${hookPath}`, timeout: hookTimeoutSec };
  return [
    { kind: "entries", dialect: claude },
    { kind: "whole", path: hookPath, text: fillTemplate("claude/session-start.sh", words), executable: true },
    {
      kind: "settings",
      path: ".claude/settings.json",
      settings: [
        // How long a server may take to start, in ms: https://code.claude.com/docs/en/mcp.
        { path: ["env", "MCP_TIMEOUT"], value: "60000", mode: "default" },
        { path: ["hooks", "SessionStart"], value: { matcher: "startup|resume", hooks: [hook] }, mode: "append" },
      ],
    },
    { kind: "section", path: "CLAUDE.md", text: fillTemplate("agents-section.md", words) },
  ];
}
