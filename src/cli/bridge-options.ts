import type { BridgeOptions } from "../bridge/options.ts";
import { parseDurationMs } from "../core/duration.ts";
import { TsmcpError } from "../core/errors.ts";
import { parseSizeBytes } from "../core/size.ts";

/** One option of `tsmcp bridge`, read by both of its entries: the short one and commander's. */
export interface BridgeFlag {
  readonly name: string;
  /** What it takes; undefined for a switch. */
  readonly value?: string;
  readonly description: string;
  readonly repeatable?: true;
  /** Read by the bridge itself, which asks other places before the variable. */
  readonly hasOwnVariable?: true;
}

export const bridgeFlags: readonly BridgeFlag[] = [
  {
    name: "proxy",
    value: "url|none",
    description: "the way to the tailnet (default: what up recorded, TSMCP_PROXY, the environment's, 127.0.0.1:1055)",
    hasOwnVariable: true,
  },
  {
    name: "connect-timeout",
    value: "time",
    description: "how long a call waits for a way to the server (default: 8s)",
  },
  { name: "call-timeout", value: "time", description: "how long a call waits for its answer (default: none)" },
  {
    name: "header",
    value: "k: v",
    description: "send this to the server too; a secret is written ${env:NAME}; may be repeated",
    repeatable: true,
  },
  { name: "max-in-flight", value: "n", description: "calls at once; more wait (default: 256)" },
  {
    name: "max-message",
    value: "size",
    description: "the largest message (default: 32MiB; towards the agent 10MiB less 64KiB)",
  },
  {
    name: "replay-idempotent",
    description: "run a call again whose connection was lost, if its tool says that this does no harm",
  },
  {
    name: "lock",
    value: "file",
    description: "answer from this file until the server can be reached (default: tsmcp.lock.json, found upwards)",
  },
  { name: "keep-warm", description: "keep the way to the server open while nothing happens" },
  { name: "log-file", value: "file", description: "write what happens there too, with times" },
];

/** What was given for the flags, by name; a repeatable one as a list. */
export type BridgeValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Returns the bridge's options. Throws `usage-invalid`, which names the flag, for a value that is none. */
export function bridgeOptions(urls: readonly [string, ...string[]], values: BridgeValues): BridgeOptions {
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === "string" ? value : undefined;
  };
  const parsed = <T>(name: string, parse: (text: string, label: string) => T): T | undefined => {
    const value = text(name);
    return value === undefined ? undefined : parse(value, `--${name}`);
  };
  const headers = values.header;
  return {
    urls,
    proxy: text("proxy"),
    headers: typeof headers === "string" ? [headers] : typeof headers === "object" ? headers : undefined,
    connectTimeoutMs: parsed("connect-timeout", parseDurationMs),
    callTimeoutMs: parsed("call-timeout", parseDurationMs),
    maxInFlight: parsed("max-in-flight", parseCount),
    maxMessageBytes: parsed("max-message", parseSizeBytes),
    replaysIdempotent: values["replay-idempotent"] === true,
    keepsWarm: values["keep-warm"] === true,
    lockFile: text("lock"),
    logFile: text("log-file"),
  };
}

function parseCount(text: string, label: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new TsmcpError({
    code: "usage-invalid",
    message: `${label}: ${JSON.stringify(text)} is not a number from 1 to 999999`,
    hint: `write ${label} 256, say`,
  });
}
