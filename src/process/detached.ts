import type { Options } from "execa";

/** How a program is started that leads a process group of its own, with of the environment only `env`. */
export function detachedOptions({
  env,
  cwd,
}: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}) {
  return {
    env,
    extendEnv: false,
    cwd,
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
  } as const satisfies Options;
}
