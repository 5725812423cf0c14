import { realpathSync, statSync } from "node:fs";
import { basename } from "node:path";
import { ownerOfPort } from "../../net/listening.ts";
import { captureOutput } from "../../process/capture.ts";

const askTimeoutMs = 3_000;

/**
 * Returns the version of the Node.js that listens on a port of this machine, such as `22.23.3`; undefined where it is
 * another program, or cannot be told. Starts only a program that is root's or ours and that nobody else may write.
 */
export async function nodeBehindPort(port: number, signal: AbortSignal): Promise<string | undefined> {
  const owner = ownerOfPort(port);
  if (!("pid" in owner)) return undefined;
  // The link leads to the very program, also when its file was replaced since or lies in another mount.
  const program = `/proc/${owner.pid}/exe`;
  if (!isTrustedNode(program)) return undefined;
  const said = await captureOutput([program, "--version"], { env: {}, timeoutMs: askTimeoutMs, signal });
  return said.kind === "printed" ? /^v(\d+\.\d+\.\d+)\s*$/.exec(said.stdout)?.[1] : undefined;
}

function isTrustedNode(program: string): boolean {
  try {
    if (!["node", "nodejs"].includes(basename(realpathSync(program)))) return false;
    const { uid, mode } = statSync(program);
    return (uid === 0 || uid === process.getuid?.()) && (mode & 0o022) === 0;
  } catch {
    // Another user's process, or one that has ended.
    return false;
  }
}
