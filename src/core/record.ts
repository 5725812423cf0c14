import { closeSync, fstatSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf, systemCodeOf, TsmcpError } from "./errors.ts";
import { replaceFile, temporaryPathOf } from "./replace-file.ts";
import { makeRuntimeDirectory, ownRuntimeDirectories, type RuntimeWorld } from "./runtime-directory.ts";

/** What `up` did on this boot. Holds no secret. */
export interface BootRecord {
  readonly version: 1;
  /** tailscaled's socket. */
  readonly socket: string;
  readonly proxy?: { readonly host: string; readonly port: number };
  /** The daemon that `up` started; a process id alone could be somebody else's by now. */
  readonly daemon?: ProcessIdentity;
  /** The `up --foreground` that restarts the daemon; whoever is not named here any more has been taken down. */
  readonly supervisor?: ProcessIdentity;
  readonly stateDir: string;
  /** Whoever uses the proxy for long is to keep the way to his server warm. */
  readonly keepsWarm?: true;
  /** Every entry in an agent's file, as `src/agents` needs it to take the entry out again. */
  readonly entries: readonly JsonObject[];
  /** Every export, as `src/bootstrap/exports*` needs it to take it back. */
  readonly exports: readonly JsonObject[];
}

export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of `/proc/PID/stat`. */
  readonly startTicks: string;
}

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const recordName = "record.json";

/** A record is some kilobytes; somebody else's file may be anything. */
const maxRecordBytes = 1024 * 1024;

/** Returns what `up` recorded for this boot, or undefined: a torn file and somebody else's count as none. */
export function readRecord(world: RuntimeWorld): BootRecord | undefined {
  for (const directory of ownRuntimeDirectories(world)) {
    try {
      const record = toRecord(JSON.parse(readOwnFile(join(directory, recordName))));
      if (record !== undefined) return record;
    } catch {
      // Missing, unreadable or torn: the next place may have one.
    }
  }
  return undefined;
}

/**
 * Writes the record for this boot, all or nothing, mode 0600.
 * Throws `runtime-directory-unsafe` and `file-unwritable` as `makeRuntimeDirectory` does.
 */
export function writeRecord(world: RuntimeWorld, record: BootRecord): void {
  const path = join(makeRuntimeDirectory(world), recordName);
  const ownership = { mode: 0o600, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  try {
    replaceFile(path, Buffer.from(`${JSON.stringify(record, null, 2)}\n`), ownership);
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    throw new TsmcpError({
      code: "file-unwritable",
      message: `${JSON.stringify(path)} cannot be written: ${messageOf(error)}`,
      hint: "make room or make the directory writable",
      cause: error,
    });
  }
}

/** Removes the record of this boot, if there is one. */
export function removeRecord(world: RuntimeWorld): void {
  for (const directory of ownRuntimeDirectories(world)) {
    for (const path of [join(directory, recordName), temporaryPathOf(join(directory, recordName))]) {
      rmSync(path, { force: true });
    }
  }
}

function readOwnFile(path: string): string {
  const descriptor = openSync(path, "r");
  try {
    const stat = fstatSync(descriptor);
    const ours = process.getuid === undefined || stat.uid === process.getuid();
    return ours && stat.isFile() && stat.size <= maxRecordBytes ? readFileSync(descriptor, "utf8") : "";
  } finally {
    closeSync(descriptor);
  }
}

function toRecord(value: unknown): BootRecord | undefined {
  if (!isObject(value) || value.version !== 1) return undefined;
  const { socket, stateDir, proxy, daemon, supervisor, keepsWarm, entries, exports } = value;
  if (typeof socket !== "string" || typeof stateDir !== "string") return undefined;
  return {
    version: 1,
    socket,
    stateDir,
    ...(isObject(proxy) && typeof proxy.host === "string" && typeof proxy.port === "number"
      ? { proxy: { host: proxy.host, port: proxy.port } }
      : {}),
    ...(isIdentity(daemon) ? { daemon: { pid: daemon.pid, startTicks: daemon.startTicks } } : {}),
    ...(isIdentity(supervisor) ? { supervisor: { pid: supervisor.pid, startTicks: supervisor.startTicks } } : {}),
    ...(keepsWarm === true ? { keepsWarm } : {}),
    entries: Array.isArray(entries) ? entries.filter(isObject) : [],
    exports: Array.isArray(exports) ? exports.filter(isObject) : [],
  };
}

function isIdentity(value: unknown): value is JsonObject & ProcessIdentity {
  return isObject(value) && typeof value.pid === "number" && typeof value.startTicks === "string";
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
