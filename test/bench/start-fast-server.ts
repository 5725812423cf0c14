import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("fast-server.ts", import.meta.url));

export interface FastServer extends AsyncDisposable {
  readonly port: number;
  /** Ends it without a goodbye and starts it again, without its sessions. */
  restart(): Promise<void>;
  /** Which marks were executed, each as often as it was. */
  executed(): readonly string[];
}

/** Starts the fast server in a process of its own; its marks go to `file`. */
export async function startFastServer(port: number, file: string): Promise<FastServer> {
  let child = await start(port, file);
  const kill = async (): Promise<void> => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  return {
    port,
    async restart() {
      await kill();
      child = await start(port, file);
    },
    executed: () => readFileSync(file, "utf8").split("\n").filter(Boolean),
    [Symbol.asyncDispose]: kill,
  };
}

async function start(port: number, file: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["--import", "tsx", program, String(port), file], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}
