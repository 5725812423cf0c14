import { afterEach } from "vitest";
import type { BridgeOptions } from "../../src/bridge/options.ts";
import { rawAgent, startBridge } from "./bridge.ts";
import { type Reply, type Seen, startScriptedServer } from "./mcp-server.ts";

/** Returns what starts a bridge to a server that follows a script, and the list of what ends after each test, the last first. */
export function scriptedBridges() {
  const cleanups: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const one of cleanups.splice(0).reverse()) await one[Symbol.asyncDispose]();
  });
  return {
    cleanups,
    start: async (script: (seen: Seen, reply: Reply) => unknown, options: Partial<BridgeOptions> = {}) => {
      const server = await startScriptedServer(script);
      cleanups.push(server);
      const bridge = startBridge({ urls: [server.url], connectTimeoutMs: 20_000, ...options });
      cleanups.push(bridge);
      return { server, bridge, agent: rawAgent(bridge) };
    },
  };
}
