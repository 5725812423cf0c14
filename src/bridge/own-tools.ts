import type { JsonObject } from "../mcp/json.ts";
import { objectAt, stringAt } from "../mcp/json.ts";
import type { RequestMessage } from "../mcp/message.ts";

export const statusTool = "tsmcp_status";
export const callTool = "tsmcp_call";

/**
 * The bridge's own tools, in the list only while the agent lacks the server's: the agent can ask why, and say so where
 * people look; and where an agent never reads the list again, it reaches the tools all the same.
 */
export const ownTools: readonly JsonObject[] = [
  {
    name: statusTool,
    title: "Why tools are missing",
    description:
      "Tells whether the MCP server behind this connection can be reached, what is in the way and how to mend it, and, once " +
      "it can be reached, which tools it has. Call it when tools that you expect are missing or fail.",
    inputSchema: { type: "object", properties: {}, additionalProperties: false },
    annotations: { readOnlyHint: true, openWorldHint: false },
  },
  {
    name: callTool,
    title: "Call a tool that is not in the list yet",
    description:
      `Calls a tool of the MCP server behind this connection by its name, for tools that are not in your list. ${statusTool} ` +
      "tells their names and arguments.",
    inputSchema: {
      type: "object",
      properties: {
        tool: { type: "string", description: "the tool's name" },
        arguments: { type: "object", description: "the tool's arguments" },
      },
      required: ["tool"],
      additionalProperties: false,
    },
  },
];

/** Returns which of our own tools a request calls, if any. */
export function ownToolOf(message: RequestMessage): typeof statusTool | typeof callTool | undefined {
  const name = message.method === "tools/call" ? stringAt(message.params, "name") : undefined;
  return name === statusTool || name === callTool ? name : undefined;
}

/** Returns the request that a call of `tsmcp_call` stands for, or what is wrong with it. */
export function innerCall(message: RequestMessage): RequestMessage | { readonly defect: string } {
  const args = objectAt(message.params, "arguments");
  const tool = stringAt(args, "tool");
  if (tool === undefined) return { defect: `${callTool} needs {"tool": NAME, "arguments": {…}}` };
  if (args?.arguments !== undefined && objectAt(args, "arguments") === undefined) {
    return { defect: `${callTool}: "arguments" is not an object` };
  }
  return { ...message, params: { ...message.params, name: tool, arguments: objectAt(args, "arguments") ?? {} } };
}
