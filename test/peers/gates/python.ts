import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { GateServer } from "./mcp-server.ts";

const program = fileURLToPath(new URL("wsgi_gate.py", import.meta.url));

/** Starts the server on wsgiref, for flaws that are Python's. */
export async function startPythonGate(options: {
  readonly path: string;
  readonly tools: readonly string[];
  readonly trusts: string;
}): Promise<GateServer> {
  const { path, tools, trusts } = options;
  const child = spawn("python3", [program, path, trusts, ...tools], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "close");
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([
    once(lines, "line"),
    ended.then(() => Promise.reject(new Error("python3 ended before it listened"))),
  ]);
  return {
    port: Number(line),
    tools,
    calls: [],
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
