import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Tailnet } from "./tailnet.ts";
import { until } from "./until.ts";

/** server-everything listens on every interface and cannot be told otherwise. */
const onLoopback = `data:text/javascript,${encodeURIComponent(`
  import { Server } from "node:net";
  const listen = Server.prototype.listen;
  Server.prototype.listen = function (port, ...rest) { return listen.call(this, Number(port), "127.0.0.1", ...rest); };
`)}`;

export interface Everything extends AsyncDisposable {
  /** "http://127.0.0.1:P"; the MCP endpoint is /mcp. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the official server-everything over Streamable HTTP; should this process be killed, the tailnet sweeps it. */
export async function startEverything(tailnet: Tailnet): Promise<Everything> {
  const port = await tailnet.api.reservePort();
  const program = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"));
  const child = spawn(process.execPath, ["--import", onLoopback, program, "streamableHttp"], {
    env: { ...tailnet.env(), PORT: String(port) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const url = `http://127.0.0.1:${port}`;
  const alive = (): void => {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`server-everything ended:\n${said.join("")}`);
  };
  const answers = (): Promise<true | undefined> =>
    fetch(`${url}/mcp`).then(
      () => true,
      () => undefined,
    );
  const close = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  try {
    await until({ what: "server-everything", alive, log: () => said.join("") }, answers);
  } catch (error) {
    await close();
    throw error;
  }
  return { url, close, [Symbol.asyncDispose]: close };
}
