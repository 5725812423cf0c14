import { inspect } from "node:util";
import { TsmcpError } from "../core/errors.ts";
import { plainJson, plainLines } from "../core/plain-text.ts";
import { strikeSecrets } from "../core/secrets.ts";

/** What a failure prints on either stream, and the exit code that goes with it. */
export interface FailureText {
  readonly stderr: string;
  readonly stdout: string;
  readonly exitCode: number;
}

/**
 * Returns how to tell a failure: `error:` and `hint:` lines for people and, with `json`, the same as an object on
 * stdout. What is not a `TsmcpError` is a bug of ours and shows its stack.
 */
export function describeFailure(thrown: unknown, { json }: { json: boolean }): FailureText {
  if (!(thrown instanceof TsmcpError)) {
    const text = `tsmcp: error: this is a bug in tsmcp\n${inspect(thrown)}\n`;
    const error = { code: "bug", message: inspect(thrown), hint: null, facts: {} };
    return { stderr: strikeSecrets(text), stdout: json ? jsonLine({ error }) : "", exitCode: 1 };
  }
  const hint = thrown.hint === undefined ? "" : `tsmcp: hint: ${thrown.hint}\n`;
  return {
    // Messages may hold what somebody else's machine said.
    stderr: plainLines(strikeSecrets(`tsmcp: error: ${thrown.message}\n${hint}`)),
    stdout: json ? jsonLine({ error: thrown }) : "",
    exitCode: thrown.exitCode,
  };
}

function jsonLine(value: unknown): string {
  return `${plainJson(strikeSecrets(JSON.stringify(value, null, 2)))}\n`;
}
