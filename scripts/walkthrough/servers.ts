import { spawn } from "node:child_process";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const everything = fileURLToPath(
  new URL("../../node_modules/@modelcontextprotocol/server-everything/dist/index.js", import.meta.url),
);

/** A program that ends with the block that started it. */
export interface RunningServer extends AsyncDisposable {
  readonly port: number;
}

/** Starts the official `server-everything` on a port and returns when it listens there. */
export async function startEverything(port: number): Promise<RunningServer> {
  const child = spawn(process.execPath, [everything, "streamableHttp"], {
    env: { PORT: String(port), PATH: process.env.PATH },
    stdio: "ignore",
  });
  const closed = new Promise((resolve) => child.once("close", resolve));
  const limit = performance.now() + 20_000;
  while (!(await accepts(port))) {
    if (performance.now() > limit || child.exitCode !== null) throw new Error("server-everything did not start");
    await delay(20);
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill();
      await closed;
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
