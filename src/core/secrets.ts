import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { inspect } from "node:util";
import { messageOf, systemCodeOf, TsmcpError } from "./errors.ts";

/** A key or token is some hundred bytes; a workload identity token some thousand. */
const maxSecretBytes = 64 * 1024;

/** A value that prints as `[secret]` wherever it is shown by accident. `reveal` is the one way to its text. */
export class Secret {
  readonly #text: string;
  /** Where it came from (`TS_AUTHKEY`, `file:/run/key`), for messages. */
  readonly origin: string;

  constructor(text: string, origin: string) {
    this.#text = text;
    this.origin = origin;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}

/**
 * Returns the secret that an option or its environment variable names. `text` is `file:PATH`, or, where it came from
 * the environment, the secret itself.
 * Throws `secret-invalid` for a literal on the command line (it would stand in `ps`), and for a file that is missing,
 * empty, too large, not regular, a symlink, somebody else's, or readable by others.
 */
export function readSecret(source: { text: string; origin: string; fromEnvironment: boolean }): Secret {
  const { text, origin, fromEnvironment } = source;
  if (text.startsWith("file:")) return readSecretFile(text.slice("file:".length), origin);
  if (!fromEnvironment) {
    throw new TsmcpError({
      code: "secret-invalid",
      message: `${origin} does not take a secret as an argument, where every process could read it`,
      hint: `write it to a file with mode 0600 and pass ${origin} file:PATH, or set the environment variable`,
    });
  }
  return checkedSecret(text.trim(), origin);
}

/**
 * Returns the secrets that a text or file holds, one a line or with commas between them, the one that counts first.
 * Throws as `readSecret` does.
 */
export function readSecrets(source: { text: string; origin: string }): readonly [Secret, ...Secret[]] {
  const { text, origin } = source;
  const isFile = text.startsWith("file:");
  const whole = isFile ? readOwnText(text.slice("file:".length), origin) : text;
  const from = isFile ? `${origin} ${text}` : origin;
  const [first = "", ...rest] = whole.split(/[\s,]+/).filter(Boolean);
  return [checkedSecret(first, from), ...rest.map((one) => checkedSecret(one, from))];
}

function readSecretFile(path: string, origin: string): Secret {
  return checkedSecret(readOwnText(path, origin).trim(), `${origin} file:${path}`);
}

function readOwnText(path: string, origin: string): string {
  const refuse = (reason: string, hint: string, cause?: unknown): TsmcpError =>
    new TsmcpError({ code: "secret-invalid", message: `${origin}: ${JSON.stringify(path)} ${reason}`, hint, cause });
  let descriptor: number;
  try {
    // O_NOFOLLOW: a link could name a file that only root may read. O_NONBLOCK: opening a FIFO must not hang.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCodeOf(error) === "ELOOP") throw refuse("is a symbolic link", "name the file itself", error);
    throw refuse(`cannot be read: ${messageOf(error)}`, "check the path and its permissions", error);
  }
  try {
    const stat = fstatSync(descriptor);
    const uid = process.getuid?.();
    if (!stat.isFile()) throw refuse("is not a regular file", "name a regular file");
    if (uid !== undefined && stat.uid !== uid)
      throw refuse(`belongs to user ${stat.uid}`, `make it yours: chown ${uid}`);
    if ((stat.mode & 0o077) !== 0) throw refuse("can be read by others", "make it private: chmod 600");
    if (stat.size > maxSecretBytes) throw refuse(`is larger than ${maxSecretBytes} bytes`, "name the file of the key");
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}

function checkedSecret(text: string, origin: string): Secret {
  if (text === "") {
    throw new TsmcpError({ code: "secret-invalid", message: `${origin} is empty`, hint: "give it the whole key" });
  }
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    throw new TsmcpError({
      code: "secret-invalid",
      message: `${origin} holds a line break or control character`,
      hint: "give it one key on one line",
    });
  }
  return new Secret(text, origin);
}

/**
 * Returns `text` with everything that looks like a secret replaced: Tailscale keys (`tskey-…`), bearer tokens, passwords
 * in URLs, and the `known` ones.
 */
export function strikeSecrets(text: string, known: readonly Secret[] = []): string {
  const named = known.reduce((result, secret) => result.replaceAll(secret.reveal(), "[secret]"), text);
  return (
    named
      .replaceAll(/tskey-[A-Za-z0-9_-]+/g, "[secret]")
      .replaceAll(/\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, "$1 [secret]")
      // From the colon back: one that began at the scheme would look for it at every word of a hostile text, to its end.
      .replaceAll(/:(?<=:\/\/[^\s/:@]*:)[^\s/@]+@/g, ":[secret]@")
  );
}
