import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isObject } from "../core/json-object.ts";
import { machineName } from "../core/machine.ts";
import type { ProcessIdentity } from "../core/record.ts";
import { replaceFile } from "../core/replace-file.ts";
import { identityOf, isAlive } from "../process/identity.ts";

/** What an exposure set, written before it is set: whoever comes after a `kill -9` finds it. Holds no secret but the path of the private listener. */
export interface ExposeRecord {
  readonly version: 1;
  /** The process that has the gateway. */
  readonly owner: ExposeOwner;
  readonly isDetached: boolean;
  readonly fingerprint: string;
  readonly handlers: readonly OwnHandler[];
}

/** A process on one boot of one machine; on another, it is gone. */
export type ExposeOwner = ProcessIdentity & { readonly machine: string };

/** A handler of ours: only what is exactly this is ever taken away. */
export interface OwnHandler {
  readonly service: string | undefined;
  readonly port: number;
  readonly mount: string;
  readonly target: string;
  /** It made the node a host of its Service, which is to end with it. */
  readonly isOnlyHosting?: boolean;
}

const recordName = "record.json";

/** Returns what was recorded; undefined where there is nothing, or a torn file. */
export function readExposeRecord(directory: string): ExposeRecord | undefined {
  try {
    return toRecord(JSON.parse(readFileSync(join(directory, recordName), "utf8")));
  } catch {
    return undefined;
  }
}

/** Writes the record of this process, all or nothing, mode 0600. */
export function writeExposeRecord(
  directory: string,
  record: Pick<ExposeRecord, "isDetached" | "fingerprint" | "handlers">,
): void {
  const whole: ExposeRecord = { version: 1, owner: ownerHere(), ...record };
  const ownership = { mode: 0o600, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  replaceFile(join(directory, recordName), Buffer.from(`${JSON.stringify(whole, null, 2)}\n`), ownership);
}

export function removeExposeRecord(directory: string): void {
  rmSync(join(directory, recordName), { force: true });
}

/** Returns what this process is known by. */
export function ownerHere(): ExposeOwner {
  const identity = identityOf(process.pid) ?? { pid: process.pid, startTicks: "" };
  return { ...identity, machine: machineName() };
}

/** Returns the process that still has the exposure, undefined when it is gone. */
export function livingOwner({ owner }: ExposeRecord): ProcessIdentity | undefined {
  return owner.machine === machineName() && isAlive(owner) ? owner : undefined;
}

function toRecord(value: unknown): ExposeRecord | undefined {
  if (!isObject(value) || value.version !== 1 || !isObject(value.owner)) return undefined;
  const { pid, startTicks, machine } = value.owner;
  const { isDetached, fingerprint, handlers } = value;
  if (typeof pid !== "number" || typeof startTicks !== "string" || typeof machine !== "string") return undefined;
  return {
    version: 1,
    owner: { pid, startTicks, machine },
    isDetached: isDetached === true,
    fingerprint: typeof fingerprint === "string" ? fingerprint : "",
    handlers: Array.isArray(handlers) ? handlers.flatMap(toHandler) : [],
  };
}

function toHandler(value: unknown): readonly OwnHandler[] {
  if (!isObject(value)) return [];
  const { service, port, mount, target } = value;
  if (typeof port !== "number" || typeof mount !== "string" || typeof target !== "string") return [];
  const isOnlyHosting = value.isOnlyHosting === true;
  return [{ service: typeof service === "string" ? service : undefined, port, mount, target, isOnlyHosting }];
}
