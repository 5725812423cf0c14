import type { Terminal } from "../../../src/cli/terminal.ts";

/** A terminal that keeps what was written to it. */
export function fakeTerminal(env: Record<string, string> = {}): Terminal & { out: () => string; error: () => string } {
  let out = "";
  let error = "";
  return {
    env,
    cwd: "/",
    writeOut: (text) => {
      out += text;
    },
    writeError: (text) => {
      error += text;
    },
    outIsTerminal: false,
    errorIsTerminal: false,
    signal: new AbortController().signal,
    out: () => out,
    error: () => error,
  };
}
