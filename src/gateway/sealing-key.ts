import { randomBytes } from "node:crypto";
import { linkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemCodeOf, TsmcpError } from "../core/errors.ts";
import { readSecrets, Secret } from "../core/secrets.ts";

/** 256 bits in base64 are 44 characters; a password is none of that. */
const minKeyChars = 32;

/**
 * Returns the keys that seal session ids, the newest first: from `TSMCP_SEALING_KEY`, the file that the configuration names,
 * else one made here once, so that a restart keeps every session.
 * Throws `secret-invalid`.
 */
export function sealingKeys(from: {
  readonly variable: string | undefined;
  readonly configured: string | undefined;
  /** A directory of ours, for a key that is neither; without one, the key lives as long as the process. */
  readonly directory: string | undefined;
}): readonly [Secret, ...Secret[]] {
  const { variable, configured, directory } = from;
  if (variable !== undefined) return strong(readSecrets({ text: variable, origin: "TSMCP_SEALING_KEY" }));
  if (configured !== undefined) return strong(readSecrets({ text: configured, origin: "gateway.sealingKey" }));
  if (directory === undefined) return [new Secret(randomBytes(32).toString("base64"), "a key of this process")];
  const path = join(directory, "sealing-key");
  makeKey(path);
  return strong(readSecrets({ text: `file:${path}`, origin: "the gateway's own key" }));
}

/** Whole or not at all, also when two start at once: a link cannot replace what is there. */
function makeKey(path: string): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600 });
  try {
    linkSync(draft, path);
  } catch (error) {
    if (systemCodeOf(error) !== "EEXIST") throw error;
  } finally {
    unlinkSync(draft);
  }
}

function strong(keys: readonly [Secret, ...Secret[]]): readonly [Secret, ...Secret[]] {
  const weak = keys.find((key) => key.reveal().length < minKeyChars);
  if (weak === undefined) return keys;
  throw new TsmcpError({
    code: "secret-invalid",
    message: `${weak.origin}: a sealing key has at least ${minKeyChars} characters`,
    hint: "make one: openssl rand -base64 32",
  });
}
