import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { createStdioUpstream, type StdioUpstreamOptions } from "../../src/gateway/upstream/stdio/stdio-upstream.ts";
import type { Upstream } from "../../src/gateway/upstream/upstream.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const program = fileURLToPath(new URL("../peers/stdio-server.mjs", import.meta.url));

/** The peer server behind an upstream of this test, and what it wrote down: its starts, marks and notifications. */
export function stdioUpstream(
  options: Partial<StdioUpstreamOptions> = {},
  era: "legacy" | "modern" = "legacy",
): {
  readonly upstream: Upstream;
  readonly notes: () => string[];
  readonly pids: () => number[];
  readonly said: string[];
} {
  const file = join(temporaryDirectory(), "notes");
  const said: string[] = [];
  const log = { info: (line: string) => said.push(line), warn: (line: string) => said.push(line), debug: () => {} };
  const upstream = createStdioUpstream({
    name: "peer",
    program: {
      command: process.execPath,
      args: [program, era, file],
      env: { PATH: process.env.PATH ?? "", PEER: "configured" },
      cwd: "/",
    },
    log,
    openTimeoutMs: 20_000,
    silenceMs: 60_000,
    isolation: "shared",
    tellsCaller: false,
    maxChildren: 2,
    idleMs: 60_000,
    ...options,
  });
  onTestFinished(() => upstream.close());
  const notes = (): string[] => (existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : []);
  const pids = (): number[] => notes().flatMap((line) => (line.startsWith("start ") ? [Number(line.slice(6))] : []));
  return { upstream, notes, pids, said };
}
