import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { GateServer } from "./mcp-server.ts";

/** Starts the server on wsgiref, for flaws that are Python's. */
export function startPythonGate(options: {
  readonly path: string;
  readonly tools: readonly string[];
  readonly trusts: string;
}): Promise<GateServer> {
  const { path, tools, trusts } = options;
  return startPython("wsgi_gate.py", { args: [path, trusts], tools });
}

/** Starts the server on http.server, which reads no body that nobody asked it to read. */
export function startPythonHttpGate(options: {
  readonly path: string;
  readonly tools: readonly string[];
  readonly version?: "HTTP/1.0" | "HTTP/1.1";
}): Promise<GateServer> {
  const { path, tools, version = "HTTP/1.1" } = options;
  return startPython("http_gate.py", { args: [path, version], tools });
}

async function startPython(
  name: string,
  { args, tools }: { readonly args: readonly string[]; readonly tools: readonly string[] },
): Promise<GateServer> {
  const program = fileURLToPath(new URL(name, import.meta.url));
  const child = spawn("python3", [program, ...args, ...tools], { stdio: ["pipe", "pipe", "inherit"] });
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
