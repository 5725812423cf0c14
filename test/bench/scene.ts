import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Everything, startEverything } from "../tailnet/harness/everything.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";

/** The command that people type. */
export const tsmcp = fileURLToPath(new URL("../../bin/tsmcp", import.meta.url));

/** A tailnet with the official server-everything behind Serve 8443. */
export interface Scene extends AsyncDisposable {
  readonly tailnet: Tailnet;
  readonly url: URL;
  readonly ca: string;
  /** A reusable key for nodes of the agents' tag. */
  readonly key: string;
  /** A new home, and the environment that goes with it. */
  newHome(): { readonly home: string; readonly env: Record<string, string> };
}

export async function startScene(): Promise<Scene> {
  const tailnet = await startTailnet();
  let everything: Everything | undefined;
  const end = async (): Promise<void> => {
    await everything?.[Symbol.asyncDispose]();
    await tailnet.close();
  };
  try {
    everything = await startEverything(tailnet);
    const server = await tailnet.startNode({ hostname: "server", tags: ["tag:server"] });
    await server.serve({ port: 8443, target: everything.url });
    return {
      tailnet,
      url: new URL(`https://${server.dnsName}:8443/mcp`),
      ca: readFileSync(tailnet.caFile, "utf8"),
      key: await tailnet.createKey({ tags: ["tag:agent"], reusable: true, ephemeral: true }),
      newHome() {
        const home = join(tailnet.tempDir(), "home");
        mkdirSync(home, { recursive: true });
        return { home, env: { ...tailnet.env(), HOME: home } };
      },
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Runs a program to its end and returns its milliseconds. Throws, with what it said, when it fails. */
export async function time(
  argv: readonly [string, ...string[]],
  env: Record<string, string>,
  cwd = "/",
): Promise<number> {
  const start = performance.now();
  const [file, ...args] = argv;
  const child = spawn(file, args, { env, cwd, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += String(chunk);
  });
  // "exit", because a daemon that it started may hold its stderr.
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  const ms = performance.now() - start;
  child.stderr.destroy();
  if (exitCode !== 0) throw new Error(`${argv.join(" ")} exited ${exitCode}: ${said}`);
  return ms;
}
