import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished } from "vitest";
import { temporaryDirectory } from "./temporary-directory.ts";

/** Whether this machine has systemd's own programs for both ends of a notification socket. */
export const hasSystemdNotify = ["systemd-notify", "systemd-socket-activate"].every(
  (program) => spawnSync(program, ["--version"]).error === undefined,
);

/** Node.js reads datagrams only from a descriptor that it was given. */
const reader = `
const { readSync } = require("node:fs");
const bytes = Buffer.alloc(8192);
for (;;) console.log(JSON.stringify(bytes.toString("utf8", 0, readSync(3, bytes))));
`;

/** Returns a service manager's socket, and the messages that it got in their order, without systemd-notify's own barriers. */
export async function notifySocket(): Promise<{ readonly path: string; readonly messages: readonly string[] }> {
  const path = join(temporaryDirectory(), "notify.sock");
  const child = spawn("systemd-socket-activate", ["--datagram", "-l", path, process.execPath, "-e", reader], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  onTestFinished(() => ended(child));
  const messages: string[] = [];
  createInterface(child.stdout).on("line", (line) => {
    const message = String(JSON.parse(line));
    if (message !== "BARRIER=1") messages.push(message);
  });
  await expect.poll(() => existsSync(path)).toBe(true);
  return { path, messages };
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    if (!child.kill("SIGKILL")) resolve();
  });
}
