import { isAbsolute, resolve } from "node:path";
import { TsmcpError } from "../core/errors.ts";
import type { Terminal } from "./terminal.ts";

/** Returns the path that `option` names, from the working directory. Throws `usage-invalid` when that was deleted. */
export function fromHere(
  path: string,
  option: string,
  { cwd, isCwdGone }: Pick<Terminal, "cwd" | "isCwdGone">,
): string {
  if (isAbsolute(path) || isCwdGone !== true) return resolve(cwd, path);
  throw new TsmcpError({
    code: "usage-invalid",
    message: `${option}: the working directory was deleted`,
    hint: `pass ${option} with a path that begins with /, or run this in another directory`,
  });
}
