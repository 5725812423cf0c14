import { findConfigUpwards } from "../../config/find.ts";
import { type LockedServer, type LockResult, lockFileName, readLock } from "../../config/lock.ts";
import { driftOf, hasDrift } from "../../config/lock-drift.ts";
import { isSameServerUrl } from "../../config/server.ts";
import { type Outcome, targetCheck } from "../check.ts";
import type { TargetContext } from "../context.ts";
import { type ServerSnapshot, serverSnapshot } from "../facts/server-snapshot.ts";
import { plainText } from "../plain-text.ts";

export type LockFinding =
  | { readonly kind: "none" }
  | { readonly kind: "invalid"; readonly path: string; readonly reason: string }
  | { readonly kind: "unlisted"; readonly path: string }
  | { readonly kind: "compared"; readonly path: string; readonly locked: LockedServer; readonly now: ServerSnapshot }
  /** --update-lock: what is there now is what is to be kept. */
  | { readonly kind: "updated"; readonly path: string; readonly now: ServerSnapshot };

export const tailnetLock = targetCheck<LockFinding>({
  id: "tailnet.lock",
  group: "tailnet",
  title: "the server is as the lock file has it",
  needs: ["tailnet.initialize"],
  timeoutMs: 30_000,
  source: "https://modelcontextprotocol.io/specification/2025-11-25/server/tools",
  explain: {
    proves:
      "The server's version, capabilities and whole tool definitions are those in tsmcp.lock.json. A description is what a model obeys: one that changed without anybody looking is how tools are turned against their users.",
    breaks: "A new release of the server, a tool that was added or redefined, another server under the same name.",
    mend: "Look at what changed; where it is as wanted: tsmcp doctor --update-lock, and commit the file.",
  },
  gather: compareWithLock,
  judge: judgeLock,
});

export function judgeLock(found: LockFinding): Outcome {
  switch (found.kind) {
    case "none":
      return { status: "skip", message: `no ${lockFileName} here`, hint: "tsmcp doctor --update-lock writes one" };
    case "invalid":
      return {
        status: "fail",
        message: `${found.path} ${plainText(found.reason)}`,
        facts: { path: found.path },
        hint: "write it anew: tsmcp doctor --update-lock",
      };
    case "unlisted":
      return {
        status: "warn",
        message: `${found.path} has no such server`,
        facts: { path: found.path },
        hint: "add it: tsmcp doctor --update-lock",
      };
    case "updated":
      if (found.now.kind === "untold") return { status: "unknown", message: `not locked: ${found.now.reason}` };
      return {
        status: "pass",
        message: `${found.now.server.tools.length} tools into ${found.path}`,
        facts: { path: found.path, tools: found.now.server.tools.length },
      };
    case "compared": {
      const { path, locked, now } = found;
      if (now.kind === "untold")
        return { status: "unknown", message: `cannot be compared with ${path}: ${now.reason}` };
      const drift = driftOf(locked, now.server);
      const facts = {
        path,
        added: drift.added.map(shown),
        removed: drift.removed.map(shown),
        changed: drift.changed.map(shown),
        other: [...drift.other],
      };
      if (!hasDrift(drift)) return { status: "pass", message: `as in ${path}`, facts };
      const parts = [
        ...(drift.changed.length === 0 ? [] : [`redefined ${facts.changed.join(", ")}`]),
        ...(drift.added.length === 0 ? [] : [`added ${facts.added.join(", ")}`]),
        ...(drift.removed.length === 0 ? [] : [`removed ${facts.removed.join(", ")}`]),
        ...(drift.other.length === 0 ? [] : [`other ${drift.other.join(", ")}`]),
      ];
      return {
        status: "fail",
        message: plainText(`not as in ${path}: ${parts.join("; ")}`, 400),
        facts,
        hint: "look at what changed; where it is as wanted: tsmcp doctor --update-lock",
      };
    }
  }
}

function shown(name: string): string {
  return plainText(name, 128);
}

async function compareWithLock(context: TargetContext): Promise<LockFinding> {
  const { world } = context.machine;
  const path = world.lockFile ?? findLock(context);
  if (world.keepSnapshot !== undefined) {
    const now = await serverSnapshot(context);
    if (now.kind === "taken") world.keepSnapshot(context.target.server, now.server);
    return { kind: "updated", path: path ?? lockFileName, now };
  }
  if (path === undefined) return { kind: "none" };
  const lock: LockResult = readLock(path);
  if (lock.status === "missing") return { kind: "none" };
  if (lock.status === "invalid") return { kind: "invalid", path, reason: lock.reason };
  const { server } = context.target;
  const urls = [server.tailnetUrl, ...server.tailnetUrls];
  const locked = Object.values(lock.lock.servers).find(({ url }) => urls.some((one) => isSameServerUrl(one, url)));
  if (locked === undefined) return { kind: "unlisted", path };
  return { kind: "compared", path, locked, now: await serverSnapshot(context) };
}

function findLock({ machine }: TargetContext): string | undefined {
  const { workspace, env } = machine.world;
  return workspace === undefined ? undefined : findConfigUpwards(workspace, env.HOME, lockFileName);
}
