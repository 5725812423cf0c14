/** 1 the thing failed · 2 usage or configuration · 3 could not find out. */
export type ExitCode = 1 | 2 | 3;

/** Every code tsmcp can fail with, and the exit code it stands for. Codes are for ever; words may change. */
export const errorExits = {
  "usage-invalid": 2,
  "config-invalid": 2,
  "config-untrusted": 2,
  "secret-invalid": 2,
  "agent-config-invalid": 2,
  "server-unknown": 2,
  "server-foreign": 2,
  "tool-unknown": 2,
  "tool-arguments-invalid": 2,
  "tailscale-missing": 1,
  "tailscale-outdated": 1,
  "checksum-mismatch": 1,
  "archive-broken": 1,
  "daemon-failed": 1,
  "daemon-foreign": 1,
  "login-failed": 1,
  "login-timeout": 1,
  "proxy-port-taken": 1,
  "proxy-unreachable": 1,
  "runtime-directory-unsafe": 1,
  busy: 1,
  interrupted: 1,
  "command-failed": 1,
  "command-timeout": 1,
  "dial-failed": 1,
  "http-failed": 1,
  "mcp-failed": 1,
  "listen-failed": 1,
  "expose-refused": 1,
  "file-unwritable": 1,
  unsupported: 2,
} as const satisfies Record<string, ExitCode>;

export type ErrorCode = keyof typeof errorExits;

/** Secret-free values a program may read, such as `{ timeoutMs: 90000 }`. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export interface ErrorDetails {
  readonly code: ErrorCode;
  /** What went wrong and where: lower case, the offending value quoted, units given, no full stop. */
  readonly message: string;
  /** What to do, as one imperative sentence. */
  readonly hint?: string;
  readonly facts?: ErrorFacts;
  readonly cause?: unknown;
}

/** The one error that users see as `tsmcp: error: …`; anything else that is thrown is a bug of ours. */
export class TsmcpError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly facts: ErrorFacts;

  constructor(details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "TsmcpError";
    this.code = details.code;
    this.hint = details.hint;
    this.facts = details.facts ?? {};
  }

  get exitCode(): ExitCode {
    return errorExits[this.code];
  }

  toJSON(): { code: ErrorCode; message: string; hint: string | null; facts: ErrorFacts } {
    return { code: this.code, message: this.message, hint: this.hint ?? null, facts: this.facts };
  }
}

/** Returns the message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Returns Node's `code` of a system error (`ENOENT`), else undefined. */
export function systemCodeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
