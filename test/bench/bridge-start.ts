import { spawn } from "node:child_process";
import { once } from "node:events";
import { type Scene, time, tsmcp } from "./scene.ts";
import { inTurn, type Summary } from "./statistics.ts";

/** From the start of the process to the server's answer to `initialize`, over an empty node in the same environment. */
export async function benchBridgeStart(scene: Scene, rounds: number, node: string): Promise<Record<string, Summary>> {
  const { tailnet, url } = scene;
  const { env } = scene.newHome();
  const proxyPort = await tailnet.api.reservePort();
  const up = [
    ...[tsmcp, "up", "--no-verify", "--proxy", `127.0.0.1:${proxyPort}`, "--hostname", "bridge"],
    ...["--login-server", tailnet.controlUrl, "--no-logs-no-support"],
  ] as [string, ...string[]];
  await time(up, { ...env, TS_AUTHKEY: scene.key }, env.HOME);
  try {
    const { PATH = "", HOME = "", NODE_EXTRA_CA_CERTS = "" } = env;
    const agentEnv = { PATH, HOME, NODE_EXTRA_CA_CERTS };
    return await inTurn(rounds, {
      "empty node": () => time([node, "-e", "0"], agentEnv),
      "tsmcp bridge": () => initializeOnce(node, url, agentEnv),
    });
  } finally {
    await time([tsmcp, "down"], env, env.HOME);
  }
}

async function initializeOnce(node: string, url: URL, env: Record<string, string>): Promise<number> {
  const start = performance.now();
  const child = spawn(node, [tsmcp, "bridge", url.href], { env, stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.write(`${initialize}\n`);
  const [line] = await once(child.stdout, "data");
  const ms = performance.now() - start;
  if (!String(line).includes("mcp-servers/everything")) throw new Error(`not the server's own answer: ${line}`);
  child.stdin.end();
  const [exitCode] = await once(child, "exit");
  if (exitCode !== 0) throw new Error(`the bridge exited ${exitCode}`);
  return ms;
}

const initialize = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "bench", version: "1" } },
});
