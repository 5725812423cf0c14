import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import type { Environment } from "../core/runtime-directory.ts";

/** Where tailscale's two programs are, or which of them are missing. */
export type Programs =
  | { readonly kind: "found"; readonly tailscale: string; readonly tailscaled: string }
  | { readonly kind: "missing"; readonly names: readonly string[] };

/** A user's PATH often lacks these, and packages put tailscaled into /usr/sbin. */
const systemDirectories = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** Returns the programs on `PATH`, then in the system's directories for daemons. */
export function locatePrograms(env: Environment): Programs {
  const [tailscale, tailscaled] = [locateProgram("tailscale", env), locateProgram("tailscaled", env)];
  if (tailscale !== undefined && tailscaled !== undefined) return { kind: "found", tailscale, tailscaled };
  return {
    kind: "missing",
    names: [...(tailscale === undefined ? ["tailscale"] : []), ...(tailscaled === undefined ? ["tailscaled"] : [])],
  };
}

/** Returns the absolute path of an executable, or undefined. Relative parts of `PATH` are left out: they depend on where one stands. */
export function locateProgram(name: string, env: Environment): string | undefined {
  const directories = [...(env.PATH ?? "/usr/local/bin:/usr/bin:/bin").split(delimiter), ...systemDirectories];
  return directories
    .filter(isAbsolute)
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
