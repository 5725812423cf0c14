import { readFileSync, readlinkSync } from "node:fs";

/**
 * Returns a name for this boot of this machine or container, such as `4f0d…-1c22ab90`, for directories whose content
 * must not outlive it. A cloned disk or a resumed image gets another one; a memory snapshot cannot be told apart.
 * Source: proc(5) for `boot_id` and `stat`, namespaces(7) for `ns/pid`.
 */
export function machineName(procDirectory = "/proc"): string {
  const bootId = readOr(() => readFileSync(`${procDirectory}/sys/kernel/random/boot_id`, "utf8").trim(), "no-boot-id");
  return `${bootId}-${containerName(procDirectory)}`;
}

/**
 * Containers of one host share its boot id, and may share a home directory. The process namespace tells them apart, and
 * the start of its first process tells a restarted container from the one before.
 */
function containerName(procDirectory: string): string {
  const namespace = readOr(() => readlinkSync(`${procDirectory}/self/ns/pid`), "");
  const firstProcess = readOr(() => startTicks(readFileSync(`${procDirectory}/1/stat`, "utf8")), "");
  return fnv1a(`${namespace} ${firstProcess}`);
}

/**
 * Returns eight hexadecimal digits that differ where `text` does, as far as 32 bits can tell. Nobody gains by making two
 * alike, and the bridge asks before it dials, when loading node:crypto would cost it some milliseconds.
 * Source: http://www.isthe.com/chongo/tech/comp/fnv/ (FNV-1a, 32 bits).
 */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, "utf8")) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** Field 22 of `/proc/PID/stat`: the start in clock ticks since boot. The second field may hold spaces and brackets. */
export function startTicks(stat: string): string {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

function readOr(read: () => string, fallback: string): string {
  try {
    return read();
  } catch {
    return fallback;
  }
}
