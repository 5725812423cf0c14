import { type PinnedTool, pinnedTools } from "../../../../src/gateway/public/pins.ts";

/** Returns the pin of a tool of `notes`. */
export function pinOf(tool: { readonly name: string; readonly [key: string]: unknown }): PinnedTool {
  const definition = { inputSchema: { type: "object" }, ...tool };
  const server = {
    url: "https://n.ts.net:8443/mcp/notes",
    protocolVersion: "2025-11-25",
    serverInfo: {},
    capabilities: {},
  };
  const [pin] = pinnedTools({
    publicTools: [`notes/${tool.name}`],
    upstreams: { notes: { builtin: "whoami" } },
    lock: { status: "ok", lock: { version: 1, servers: { notes: { ...server, tools: [definition] } } } },
    lockFile: "tsmcp.lock.json",
  });
  if (pin === undefined) throw new Error("no pin");
  return pin;
}
