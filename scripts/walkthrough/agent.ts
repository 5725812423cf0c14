import { readFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

/** What the agent found behind its entry. */
export interface AgentFindings {
  readonly command: string;
  readonly tools: readonly string[];
  readonly answer: string;
}

/** Does what an agent does: starts the command that stands in its file, lists the tools and calls `echo`. */
export async function askAsAgent(file: string, server: string, env: Record<string, string>): Promise<AgentFindings> {
  const { command, args } = JSON.parse(readFileSync(file, "utf8")).mcpServers[server];
  const client = new Client({ name: "demo-agent", version: "1.0.0" });
  await client.connect(new StdioClientTransport({ command, args, env, stderr: "inherit" }));
  try {
    const { tools } = await client.listTools();
    const result = await client.callTool({ name: "echo", arguments: { message: "hello through the tailnet" } });
    return {
      command: [command, ...args].join(" "),
      tools: tools.map(({ name }) => name),
      answer: JSON.stringify(result.content),
    };
  } finally {
    await client.close();
  }
}
