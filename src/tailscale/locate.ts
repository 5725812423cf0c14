import { delimiter, isAbsolute, join } from "node:path";
import { isExecutable } from "../core/executable-file.ts";
import { type Environment, homeDirectory } from "../core/runtime-directory.ts";
import { trustedDirectories, workingDirectory } from "../core/search-path.ts";

/** Where tailscale's two programs are, or which of them are missing. */
export type Programs =
  | { readonly kind: "found"; readonly tailscale: string; readonly tailscaled: string }
  | {
      readonly kind: "missing";
      readonly names: readonly string[];
      /** Those of them that are on `PATH`, where a repository or a package manager put them. */
      readonly refused: readonly string[];
    };

/** A user's PATH often lacks these, and packages put tailscaled into /usr/sbin. */
const systemDirectories = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** Returns the programs on `PATH`, then in the system's directories for daemons and in the user's own, where `install` puts them. */
export function locatePrograms(env: Environment): Programs {
  const [tailscale, tailscaled] = [locateProgram("tailscale", env), locateProgram("tailscaled", env)];
  if (tailscale !== undefined && tailscaled !== undefined) return { kind: "found", tailscale, tailscaled };
  const names = [
    ...(tailscale === undefined ? ["tailscale"] : []),
    ...(tailscaled === undefined ? ["tailscaled"] : []),
  ];
  return { kind: "missing", names, refused: names.flatMap((name) => anywhereOnPath(name, env) ?? []) };
}

function anywhereOnPath(name: string, { PATH = "" }: Environment): string | undefined {
  const directories = PATH.split(delimiter).filter((directory) => isAbsolute(directory));
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

/** Returns the absolute path of an executable, or undefined. What a repository puts on `PATH` is left out: the program gets the key. */
export function locateProgram(name: string, env: Environment, cwd = workingDirectory()): string | undefined {
  const onPath = trustedDirectories(env.PATH ?? "/usr/local/bin:/usr/bin:/bin", { env, cwd });
  const home = homeDirectory(env);
  const own = home === undefined ? [] : [join(home, ".local/bin")];
  return [...onPath, ...systemDirectories, ...own].map((directory) => join(directory, name)).find(isExecutable);
}
