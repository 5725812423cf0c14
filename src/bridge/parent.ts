import { readFileSync } from "node:fs";
import { setInterval } from "node:timers/promises";

const lookEveryMs = 500;

/** What stands between an agent and the program that it starts, and lives on without either. */
const wrapper =
  /^(npm|npx|pnpm|yarn|bun|corepack|mise|volta|asdf|env|nice|setsid|stdbuf|timeout|time|sh|ash|bash|dash|ksh|zsh|fish)\b/;

/** `npm exec` starts a shell, which may start another. */
const maxWrappers = 8;

/**
 * Resolves when the process that started this one is gone, also behind wrappers such as `npm exec` and shells: its death
 * closes no pipe that somebody else holds too. Pending for ever once `signal` fires.
 */
export async function parentGone(signal: AbortSignal): Promise<void> {
  const parent = process.ppid;
  const wrappers = wrappersFrom(parent);
  try {
    for await (const _ of setInterval(lookEveryMs, undefined, { ref: false, signal })) {
      if (process.ppid !== parent) return;
      if (wrappers.some(({ pid, parentPid }) => processOf(pid)?.parentPid !== parentPid)) return;
    }
  } catch {
    // Stopped.
  }
  await new Promise<never>(() => {});
}

interface Process {
  readonly pid: number;
  readonly name: string;
  readonly parentPid: number;
}

/** Returns the wrappers above this process, the nearest first, as they are now; none where there is no /proc. */
function wrappersFrom(parent: number): readonly Process[] {
  const wrappers: Process[] = [];
  for (let pid = parent; wrappers.length < maxWrappers; ) {
    const one = processOf(pid);
    // A wrapper that init owns already has lost whom it could lose.
    if (one === undefined || one.parentPid <= 1 || !wrapper.test(one.name)) break;
    wrappers.push(one);
    pid = one.parentPid;
  }
  return wrappers;
}

/** Source: proc_pid_stat(5); the name stands in brackets and may hold some itself. */
function processOf(pid: number): Process | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [name, rest] = [
      text.slice(text.indexOf("(") + 1, text.lastIndexOf(")")),
      text.slice(text.lastIndexOf(")") + 2),
    ];
    return { pid, name, parentPid: Number(rest.split(" ")[1]) };
  } catch {
    return undefined;
  }
}
