import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { systemCodeOf } from "../core/errors.ts";
import { strikeSecrets } from "../core/secrets.ts";

const tailBytes = 4 * 1024;

/** Returns the last line of a log, without its time stamp and secrets; "" when there is none. */
export function lastLogLine(path: string): string {
  return (lastLogLines(path).at(-1) ?? "").slice(0, 500);
}

/** Returns the last few kilobytes of a log as lines, in the same way. */
export function lastLogLines(path: string): readonly string[] {
  return readTail(path)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => strikeSecrets(line.replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /, "")));
}

function readTail(path: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return "";
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    readSync(descriptor, buffer, 0, buffer.length, Math.max(0, size - tailBytes));
    return buffer.toString("utf8");
  } finally {
    closeSync(descriptor);
  }
}
