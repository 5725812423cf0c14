import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { TsmcpError } from "../core/errors.ts";
import { machineName } from "../core/machine.ts";
import type { ProcessIdentity } from "../core/record.ts";
import { replaceFile } from "../core/replace-file.ts";
import type { ExposeOutcome } from "./outcome.ts";
import { type ExposeOwner, ownerHere } from "./record.ts";

/** What a detached exposure tells the command that started it, and the ones that come later. */
export type ToldOutcome =
  | { readonly kind: "outcome"; readonly outcome: ExposeOutcome }
  | { readonly kind: "error"; readonly error: ReturnType<TsmcpError["toJSON"]> };

/** A number comes again, after a reboot above all, and what is told under it may be of a process that was killed. */
interface OutcomeFile {
  readonly owner: ExposeOwner;
  readonly told: ToldOutcome;
}

/** Tells what came of this process's exposure. */
export function writeOutcome(directory: string, told: ToldOutcome): void {
  const file: OutcomeFile = { owner: ownerHere(), told };
  const ownership = { mode: 0o600, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  replaceFile(fileOf(directory, process.pid), Buffer.from(`${JSON.stringify(file, null, 2)}\n`), ownership);
}

/** Returns what that very process told; undefined where it has not. The directory is ours, and so is what is in it. */
export function readOutcome(directory: string, { pid, startTicks }: ProcessIdentity): ToldOutcome | undefined {
  try {
    const { owner, told } = JSON.parse(readFileSync(fileOf(directory, pid), "utf8")) as OutcomeFile;
    return owner.startTicks === startTicks && owner.machine === machineName() ? told : undefined;
  } catch {
    return undefined;
  }
}

export function removeOutcome(directory: string, pid: number): void {
  rmSync(fileOf(directory, pid), { force: true });
}

function fileOf(directory: string, pid: number): string {
  return join(directory, `outcome-${pid}.json`);
}
