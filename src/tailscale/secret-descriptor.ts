import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { systemCodeOf } from "../core/errors.ts";
import type { Secret } from "../core/secrets.ts";

/** From the kernel's `fcntl.h`; Node has no name for it. It opens a file that never has a name. */
const temporaryFile = 0o20000000 | constants.O_DIRECTORY;

/**
 * Returns a descriptor of a nameless file (0600, in memory where there is /dev/shm) that holds the secret. A child that
 * inherits it as descriptor N reads `/proc/self/fd/N`, as often as it wants. Nothing is left when both are killed.
 */
export function openSecretDescriptor(secret: Secret, fallbackDirectory: string): number {
  const text = secret.reveal();
  return firstOf(
    [() => filled(openNameless("/dev/shm"), text), () => filled(openNameless(fallbackDirectory), text)],
    () => filled(openUnlinked(fallbackDirectory), text),
  );
}

/** A full file system lets a file be opened, and refuses what is written. */
function filled(descriptor: number, text: string): number {
  try {
    writeSync(descriptor, text);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function firstOf(attempts: readonly (() => number)[], last: () => number): number {
  for (const attempt of attempts) {
    try {
      return attempt();
    } catch (error) {
      if (systemCodeOf(error) === undefined) throw error;
    }
  }
  return last();
}

function openNameless(directory: string): number {
  return openSync(directory, temporaryFile | constants.O_RDWR, 0o600);
}

/** For file systems that have no nameless files. */
function openUnlinked(directory: string): number {
  const path = join(directory, `.${randomBytes(8).toString("hex")}`);
  const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  unlinkSync(path);
  return descriptor;
}
