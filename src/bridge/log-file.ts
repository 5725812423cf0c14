import { openSync, writeSync } from "node:fs";
import { messageOf, TsmcpError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { strikeSecrets } from "../core/secrets.ts";

/** Returns a log that goes to `path` too, everything, with times; mode 0600. Throws `file-unwritable`. */
export function openLogFile(path: string, log: Log): Log {
  let descriptor: number;
  try {
    descriptor = openSync(path, "a", 0o600);
  } catch (error) {
    throw new TsmcpError({
      code: "file-unwritable",
      message: `the log file ${JSON.stringify(path)} cannot be written: ${messageOf(error)}`,
      hint: "name a file in a directory that this user can write",
      cause: error,
    });
  }
  const note = (level: string, line: string): void => {
    try {
      writeSync(descriptor, `${new Date().toISOString()} ${level} ${strikeSecrets(line)}\n`);
    } catch {
      // A full disk must not cost the agent its tools.
    }
  };
  return {
    info(line) {
      note("info", line);
      log.info(line);
    },
    warn(line) {
      note("warn", line);
      log.warn(line);
    },
    debug(line) {
      note("debug", line);
      log.debug(line);
    },
  };
}
