import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { timeoutSignal } from "../core/timeout-signal.ts";
import { untilAborted } from "../core/until-aborted.ts";
import { startChild } from "./child.ts";
import { findNamespaceTools, type Hiding, inNamespace, type Program } from "./namespace.ts";

/** Whether programs can be kept in namespaces of their own here. */
export type Namespace =
  | {
      readonly kind: "works";
      /** Undefined where there is no such program. */
      readonly enter: (program: Program, hiding: Hiding) => Program | undefined;
    }
  | { readonly kind: "refused"; readonly reason: string };

/** Of what is hidden a socket would still be one, and a file with something in it too. */
const look = 'for path; do if [ -S "$path" ] || [ -s "$path" ]; then echo "$path shows" >&2; exit 1; fi; done';

const limitMs = 10_000;

/** Tries it: settings, profiles and containers forbid it in more ways than could be looked up. `path` is our own PATH. */
export async function tryNamespace(options: {
  readonly path: string;
  readonly hiding: Hiding;
  /** What must not be found in there. */
  readonly secrets: readonly string[];
}): Promise<Namespace> {
  const { path, hiding, secrets } = options;
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  if (process.platform !== "linux") return { kind: "refused", reason: "only Linux has them" };
  if (uid === 0) return { kind: "refused", reason: "root is root there too" };
  const tools = findNamespaceTools(path);
  if (typeof tools === "string") return { kind: "refused", reason: `the program ${tools} is missing` };
  const enter = (program: Program, hidden: Hiding): Program | undefined =>
    inNamespace(program, { hiding: hidden, tools, uid, gid });
  const looking = enter({ file: "/bin/sh", args: ["-c", look, "sh", ...secrets], env: {}, cwd: "/" }, hiding);
  const refusal = looking === undefined ? "the program /bin/sh is missing" : await refusalOf(looking);
  if (refusal === undefined) return { kind: "works", enter };
  return { kind: "refused", reason: [refusal, ...forbidding()].join("; ") };
}

async function refusalOf(program: Program): Promise<string | undefined> {
  const started = await startChild(program);
  if (started.kind === "refused") return started.reason;
  const { child } = started;
  const limit = timeoutSignal(limitMs);
  try {
    child.stdout.resume();
    const [end, said] = await untilAborted(Promise.all([child.ended, text(child.stderr)]), limit);
    if (end.kind === "exited" && end.exitCode === 0) return undefined;
    return said.trim().split("\n")[0] || JSON.stringify(end);
  } catch {
    return `no end within ${limitMs} ms`;
  } finally {
    await child.stop(0);
  }
}

/** The settings that are known to forbid it, where they are so. */
function forbidding(): string[] {
  const settings = [
    { file: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", value: "1" },
    { file: "/proc/sys/kernel/unprivileged_userns_clone", value: "0" },
    { file: "/proc/sys/user/max_user_namespaces", value: "0" },
  ];
  const named = settings.filter(({ file, value }) => read(file)?.trim() === value);
  const sysctls = named.map(({ file, value }) => `${file.slice("/proc/sys/".length).replaceAll("/", ".")} is ${value}`);
  const isFiltered = /^Seccomp:\s*2$/m.test(read("/proc/self/status") ?? "");
  return isFiltered ? [...sysctls, "a seccomp filter is on, as in most containers"] : sysctls;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
