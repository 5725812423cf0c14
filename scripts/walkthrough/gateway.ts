import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Stage } from "./narrator.ts";

/** `tsmcp gateway` with the official server-everything behind it. */
export interface RunningGateway extends AsyncDisposable {
  /** What `tailscale serve` and `funnel` are to be told. */
  readonly privateTarget: string;
  readonly publicTarget: string;
  /** Below the server's name. */
  readonly path: string;
}

/** Starts it and returns once it says where it listens. */
export async function startGateway({ cwd, env }: Stage, socket: string): Promise<RunningGateway> {
  const tsmcp = fileURLToPath(new URL("../../bin/tsmcp", import.meta.url));
  const everything = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"));
  const upstream = ["--upstream", "notes", "--", process.execPath, everything, "stdio"];
  const child = spawn(tsmcp, ["gateway", "--json", "--quiet", "--socket", socket, ...upstream], {
    cwd,
    env: { ...env },
    stdio: ["ignore", "pipe", openSync(join(cwd, "gateway.log"), "a")],
  });
  const { stdout } = child;
  if (stdout === null) throw new Error("the gateway has no output to read");
  const ended = once(child, "exit");
  const close = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
  };
  let text = "";
  for await (const chunk of stdout.setEncoding("utf8")) {
    text += String(chunk);
    if (!text.endsWith("\n}\n")) continue;
    const said: { private: { target: string }; public: { target: string }; paths: readonly string[] } =
      JSON.parse(text);
    const [path = "/mcp"] = said.paths;
    stdout.resume();
    return { privateTarget: said.private.target, publicTarget: said.public.target, path, [Symbol.asyncDispose]: close };
  }
  await close();
  throw new Error(`the gateway did not start: ${readFileSync(join(cwd, "gateway.log"), "utf8")}`);
}
