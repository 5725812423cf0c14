import type { Log, Verbosity } from "./log.ts";
import { plainJson } from "./plain-text.ts";
import { strikeSecrets } from "./secrets.ts";

/** A server's output is a line too, however long it is. */
const maxMessageChars = 8 * 1024;

/** Returns a log of JSON lines, for services: nothing in a message ends a line or speaks to a terminal. */
export function createJsonLog({
  line,
  verbosity,
}: {
  readonly line: (text: string) => void;
  readonly verbosity: Verbosity;
}): Log {
  const say = (level: "info" | "warn" | "debug", text: string): void => {
    const cut = text.length <= maxMessageChars ? text : `${text.slice(0, maxMessageChars)}…`;
    line(
      plainJson(strikeSecrets(JSON.stringify({ time: new Date().toISOString(), kind: "log", level, message: cut }))),
    );
  };
  return {
    info: (text) => (verbosity === "quiet" ? undefined : say("info", text)),
    warn: (text) => say("warn", text),
    debug: (text) => (verbosity === "verbose" ? say("debug", text) : undefined),
  };
}
