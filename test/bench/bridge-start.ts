import { spawn } from "node:child_process";
import { once } from "node:events";
import { peers } from "./contestants.ts";
import { type Scene, time, tsmcp } from "./scene.ts";
import { inTurn, type Summary } from "./statistics.ts";

/**
 * From the start of the process to the server's answer to `initialize`, over an empty node in the same environment; the
 * other bridges too where `withPeers` says so.
 */
export async function benchBridgeStart(
  scene: Scene,
  { rounds, node, withPeers }: { rounds: number; node: string; withPeers: boolean },
): Promise<Record<string, Summary>> {
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
    const proxy = `http://127.0.0.1:${proxyPort}`;
    const others = (withPeers ? peers() : []).map(({ name, command, env: extra }) => [
      name,
      () => initializeOnce(command(url.href, proxy), { ...agentEnv, ...extra(proxy) }),
    ]);
    return await inTurn(rounds, {
      "empty node": () => time([node, "-e", "0"], agentEnv),
      "tsmcp bridge": () => initializeOnce([node, tsmcp, "bridge", url.href], agentEnv),
      ...Object.fromEntries(others),
    });
  } finally {
    await time([tsmcp, "down"], env, env.HOME);
  }
}

async function initializeOnce(
  [file, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const start = performance.now();
  const child = spawn(file, args, { env, stdio: ["pipe", "pipe", "ignore"] });
  child.stdin.write(`${initialize}\n`);
  const [line] = await once(child.stdout, "data");
  const ms = performance.now() - start;
  if (!String(line).includes("mcp-servers/everything")) throw new Error(`not the server's own answer: ${line}`);
  child.stdin.end();
  // Not every bridge ends by itself.
  const timer = setTimeout(() => child.kill("SIGKILL"), 2_000);
  await once(child, "exit");
  clearTimeout(timer);
  return ms;
}

const initialize = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "bench", version: "1" } },
});
