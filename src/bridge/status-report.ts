import { type JsonObject, stringAt } from "../mcp/json.ts";
import { callTool } from "./own-tools.ts";

/** What `tsmcp_status` tells of. */
export interface StatusFacts {
  readonly url: string;
  readonly trouble:
    | { readonly message: string; readonly hint: string | undefined; readonly layer: string; readonly forMs: number }
    | undefined;
  /** The server's tools, where it could be asked. */
  readonly tools: readonly JsonObject[] | undefined;
  /** True where the agent has the server's own list. */
  readonly isListRead: boolean;
  /** Where the list came from that the agent has, when it is not the server's own. */
  readonly listFrom: { readonly source: "cache" | "lock"; readonly ageMs: number | undefined } | undefined;
}

const callOtherwise = `call a tool by ${callTool} with {"tool": NAME, "arguments": {…}}.`;

/** An agent's context is worth more than the last tool's schema. */
const maxToolsText = 100_000;

/** Returns what the agent is told, in words that it can hand on to people. */
export function statusReport(facts: StatusFacts): string {
  const { url, trouble, tools } = facts;
  if (trouble !== undefined) {
    return [
      `The MCP server ${url} cannot be reached (for ${duration(trouble.forMs)}).`,
      `Layer: ${trouble.layer}.`,
      `Reason: ${trouble.message}.`,
      ...(trouble.hint === undefined ? [] : [`To mend it: ${trouble.hint}.`]),
      listOrigin(facts),
      "tsmcp goes on trying; nothing needs to be restarted. Call this tool again to see whether it worked.",
    ].join("\n");
  }
  if (tools === undefined)
    return `The MCP server ${url} answers, but has not told its tools yet. Call this tool again.`;
  return [
    `The MCP server ${url} can be reached now. It has ${tools.length} ${tools.length === 1 ? "tool" : "tools"}.`,
    facts.isListRead
      ? `You have read its list since then: call its tools by their own names. If yours does not show them, ${callOtherwise}`
      : `Your list is from before that. Read the list again if you can; otherwise ${callOtherwise}`,
    ...toolLines(tools),
  ].join("\n");
}

/** Returns what is in the way, from the error that a request would get. */
export function troubleOf(
  error: { readonly message: string; readonly data?: unknown },
  forMs: number,
): NonNullable<StatusFacts["trouble"]> {
  const hint = stringAt(error.data, "hint");
  const message = error.message.replace(/^tsmcp: /, "").replace(hint === undefined ? "" : ` (${hint})`, "");
  return { message, hint, layer: stringAt(error.data, "layer") ?? "bridge", forMs };
}

function listOrigin({ listFrom, isListRead }: StatusFacts): string {
  if (isListRead)
    return "The tools in your list are its own, as it told them while it could be reached; calls wait, then fail.";
  if (listFrom === undefined) return "What tools it has is not known on this machine yet.";
  if (listFrom.source === "lock")
    return "The other tools in your list are those of tsmcp.lock.json; calls wait, then fail.";
  const age = listFrom.ageMs === undefined ? "" : `, ${duration(listFrom.ageMs)} ago`;
  return `The other tools in your list are what it said last time${age}; calls wait, then fail.`;
}

function toolLines(tools: readonly JsonObject[]): string[] {
  const lines: string[] = [];
  let length = 0;
  for (const tool of tools) {
    const description = stringAt(tool, "description");
    const line = `- ${stringAt(tool, "name")}${description === undefined ? "" : `: ${description}`}\n  arguments: ${JSON.stringify(tool.inputSchema ?? {})}`;
    length += line.length;
    if (length > maxToolsText) return [...lines, `and ${tools.length - lines.length} more`];
    lines.push(line);
  }
  return lines;
}

/** The largest unit that fits. */
function duration(ms: number): string {
  for (const [unit, size] of [
    ["day", 86_400_000],
    ["hour", 3_600_000],
    ["minute", 60_000],
  ] as const) {
    const count = Math.floor(ms / size);
    if (count > 0) return `${count} ${unit}${count === 1 ? "" : "s"}`;
  }
  return `${Math.max(1, Math.round(ms / 1000))} s`;
}
