import { statSync } from "node:fs";
import { join } from "node:path";
import { readTextFile } from "../../config/text-file.ts";
import type { Environment } from "../../core/runtime-directory.ts";
import { machineCheck, type Outcome } from "../check.ts";

export interface KeyFinding {
  /** Where a key lies open, and never the key. */
  readonly places: readonly KeyPlace[];
}

interface KeyPlace {
  readonly place: string;
  readonly kind: "variable" | "file" | "committed";
}

/** Variables that log a machine in. `file:PATH` in one is no key. */
const keyVariables = [
  "TS_AUTHKEY",
  "TS_AUTH_KEY",
  "TS_CLIENT_SECRET",
  "TS_ID_TOKEN",
  "TSMCP_AUTH_KEY",
  "TSMCP_CLIENT_SECRET",
  "TSMCP_ID_TOKEN",
] as const;

/** Files of a workspace in which people leave keys, committed ones first. */
const likelyFiles = [
  ".cursor/mcp.json",
  ".cursor/environment.json",
  ".mcp.json",
  "tsmcp.config.json",
  ".env",
  ".env.local",
] as const;
const maxFileBytes = 1024 * 1024;

export const platformKey = machineCheck<KeyFinding>({
  id: "platform.key",
  group: "platform",
  title: "the agent cannot read the key",
  needs: [],
  timeoutMs: 3_000,
  source: "https://tailscale.com/kb/1085/auth-keys",
  explain: {
    proves:
      "No key that logs a machine in stands in this environment, in the agent's files, or in a file that others may read. Whatever the agent is talked into running could send it away, and a reusable key lets anybody join.",
    breaks: "TS_AUTHKEY as an ordinary environment variable of the agent, a key in mcp.json, a .env file.",
    mend: "Give the key to the start step alone, as file:PATH with mode 0600 or by workload identity; make it ephemeral, tagged, and good for little.",
  },
  gather: async ({ world }) => ({ places: findKeys(world) }),
  judge: judgeKey,
});

export function judgeKey({ places }: KeyFinding): Outcome {
  const facts = { places: places.map((one) => ({ ...one })) };
  const worst =
    places.find(({ kind }) => kind === "committed") ?? places.find(({ kind }) => kind === "file") ?? places[0];
  if (worst === undefined) return { status: "pass", message: "no key lies open here", facts };
  const shown = places.map(({ place }) => place).join(", ");
  if (worst.kind === "committed") {
    return {
      status: "fail",
      message: `a key stands in ${worst.place}, which is meant to be committed`,
      facts,
      hint: "revoke that key, and pass it as a secret of the platform",
    };
  }
  return {
    status: "warn",
    message: `a key lies open to the agent: ${shown}`,
    facts,
    hint: "give the key to the start step alone, as file:PATH with mode 0600; make it ephemeral and tagged",
  };
}

function findKeys({
  env,
  workspace,
}: {
  readonly env: Environment;
  readonly workspace?: string | undefined;
}): readonly KeyPlace[] {
  const variables = keyVariables.flatMap((name): KeyPlace[] => {
    const value = env[name] ?? "";
    if (value === "") return [];
    if (!value.startsWith("file:")) return [{ place: name, kind: "variable" }];
    const path = value.slice("file:".length);
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat !== undefined && (stat.mode & 0o077) !== 0 ? [{ place: path, kind: "file" }] : [];
  });
  if (workspace === undefined) return variables;
  const files = likelyFiles.flatMap((name): KeyPlace[] => {
    const file = readTextFile(join(workspace, name), maxFileBytes);
    if (file.status !== "ok" || !/tskey-(auth|client|api)-[A-Za-z0-9]+/.test(file.text)) return [];
    return [{ place: name, kind: name.startsWith(".env") ? "file" : "committed" }];
  });
  return [...variables, ...files];
}
