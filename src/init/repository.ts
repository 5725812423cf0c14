import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemCodeOf } from "../core/errors.ts";

/** Returns `OWNER/NAME` of the repository at GitHub that `cwd` is a clone of, or undefined. */
export function githubRepositoryAt(cwd: string): string | undefined {
  for (let directory = cwd; ; directory = dirname(directory)) {
    const config = readOr(join(directory, ".git/config"));
    if (config !== undefined) return repositoryOf(originIn(config));
    if (directory === dirname(directory)) return undefined;
  }
}

/** https://github.com/OWNER/NAME.git, git@github.com:OWNER/NAME, ssh://git@github.com/OWNER/NAME */
export function repositoryOf(url: string): string | undefined {
  const match = /^(?:https:\/\/(?:[^@/]+@)?|ssh:\/\/git@|git@)github\.com[:/]([\w.-]+)\/([\w.-]+?)(?:\.git)?\/?$/.exec(
    url,
  );
  return match === null ? undefined : `${match[1]}/${match[2]}`;
}

function originIn(config: string): string {
  const section = /\[remote "origin"\]([^[]*)/.exec(config)?.[1] ?? "";
  return /^\s*url\s*=\s*(\S+)\s*$/m.exec(section)?.[1] ?? "";
}

function readOr(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return undefined;
  }
}
