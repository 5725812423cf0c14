import { closeSync, constants, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import { systemCodeOf } from "../../core/errors.ts";
import { type Secret, strikeSecrets } from "../../core/secrets.ts";
import { createLineSplitter, type Line } from "../../streams/lines.ts";

/** What tailscaled says, in a file that stays small. */
export interface DaemonLog {
  readonly write: (chunk: Buffer) => void;
  readonly close: () => void;
}

/** Two files of this size at most: the directory may be in memory. */
const maxFileBytes = 1024 * 1024;
const maxLineBytes = 64 * 1024;

/** Returns where the lines before those in `path` are. */
export function olderLogOf(path: string): string {
  return `${path}.1`;
}

/**
 * Opens the log (0600, no symbolic link), and goes on where one is. Secrets are struck out, those that look like one and
 * the `known` ones. What cannot be written is lost, as on a full disk: tailscaled must not stop for its log.
 */
export function openDaemonLog(path: string, known: readonly Secret[], limitBytes = maxFileBytes): DaemonLog {
  const lines = createLineSplitter(maxLineBytes);
  let descriptor = openLog(path);
  let size = fstatSync(descriptor).size;
  const turn = (): void => {
    renameSync(path, olderLogOf(path));
    const next = openLog(path);
    closeSync(descriptor);
    descriptor = next;
    size = 0;
  };
  const put = (line: Line): void => {
    const bytes = Buffer.from(`${strikeSecrets(textOf(line), known)}\n`);
    try {
      if (size > 0 && size + bytes.length > limitBytes) turn();
      size += writeSync(descriptor, bytes);
    } catch (error) {
      if (systemCodeOf(error) === undefined) throw error;
    }
  };
  return {
    write: (chunk) => lines.push(chunk).forEach(put),
    close: () => {
      lines.end().forEach(put);
      closeSync(descriptor);
    },
  };
}

function openLog(path: string): number {
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
  return openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
}

/** Half a line could end in half a secret. */
function textOf(line: Line): string {
  return line.kind === "line" ? line.bytes.toString("utf8") : `(a line of ${line.totalBytes} bytes is left out)`;
}
