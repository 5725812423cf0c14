import { readdirSync, readFileSync } from "node:fs";
import { startTicks } from "../core/machine.ts";
import type { ProcessIdentity } from "../core/record.ts";

/** Returns the identity of a running process, or undefined when there is none or it is a zombie. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const stat = statOf(pid);
  return stat === undefined ? undefined : { pid, startTicks: startTicks(stat) };
}

/** Returns true when that very process still runs; another one that got its number does not count. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startTicks === identity.startTicks;
}

/**
 * Returns this user's processes whose arguments satisfy `matches`. Others' are left out: nobody else's process is ours
 * to adopt or to stop, whatever its arguments say.
 */
export function processesOf(matches: (argv: readonly string[]) => boolean): ProcessIdentity[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name) || !isOwn(Number(name)) || !matches(argvOf(Number(name)))) return [];
    const identity = identityOf(Number(name));
    return identity === undefined ? [] : [identity];
  });
}

/** Returns this user's processes whose arguments satisfy `matches`, with their arguments. */
export function argumentsOfProcesses(
  matches: (argv: readonly string[]) => boolean,
): { readonly pid: number; readonly argv: readonly string[] }[] {
  return processesOf(matches).map(({ pid }) => ({ pid, argv: argvOf(pid) }));
}

/** Returns true when the process leads a process group: what it started is in it, unless it left. Field 5 is the group. */
export function leadsGroup(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2] === String(pid);
}

/**
 * Field 3 of `/proc/PID/stat` is the state; a zombie (Z) or dead (X) process has ended, though its number is taken. But the
 * state is that of its first thread, and as long as another one is on its way out, its ports are taken too.
 */
function statOf(pid: number): string | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  if (stat === undefined || !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2))) return stat;
  return threadsOf(pid) > 1 ? stat : undefined;
}

function threadsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

function isOwn(pid: number): boolean {
  const uid = /^Uid:\t\d+\t(\d+)/m.exec(textOf(`/proc/${pid}/status`) ?? "")?.[1];
  return uid !== undefined && Number(uid) === process.geteuid?.();
}

function argvOf(pid: number): readonly string[] {
  return (textOf(`/proc/${pid}/cmdline`) ?? "").split("\0");
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
