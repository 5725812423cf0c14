import { type Secret, strikeSecrets } from "../../core/secrets.ts";
import { createLineSplitter, type Line } from "../../streams/lines.ts";
import { openTurnedFile } from "../../streams/turned-file.ts";

/** What tailscaled says, in a file that stays small. */
export interface DaemonLog {
  readonly write: (chunk: Buffer) => void;
  readonly close: () => void;
}

const maxLineBytes = 64 * 1024;

/**
 * Opens the log, and goes on where one is. Secrets are struck out, those that look like one and the `known` ones. What
 * cannot be written is lost, as on a full disk: tailscaled must not stop for its log.
 */
export function openDaemonLog(path: string, known: readonly Secret[], limitBytes?: number): DaemonLog {
  const lines = createLineSplitter(maxLineBytes);
  const file = openTurnedFile(path, limitBytes);
  const put = (line: Line): void => {
    file.append(Buffer.from(`${strikeSecrets(textOf(line), known)}\n`));
  };
  return {
    write: (chunk) => lines.push(chunk).forEach(put),
    close: () => {
      lines.end().forEach(put);
      file.close();
    },
  };
}

/** Half a line could end in half a secret. */
function textOf(line: Line): string {
  return line.kind === "line" ? line.bytes.toString("utf8") : `(a line of ${line.totalBytes} bytes is left out)`;
}
