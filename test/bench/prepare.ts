import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Makes what is measured, and gets those that it is measured beside, where they are missing. */
export function prepareBench(): void {
  if (!existsSync(at("../../dist/cli.js"))) npm("run", "build");
  if (!existsSync(at("peers/node_modules"))) npm("ci", "--prefix", at("peers"));
}

function npm(...args: readonly string[]): void {
  const { status } = spawnSync("npm", args, { cwd: at("../.."), stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`npm ${args.join(" ")} failed`);
}
