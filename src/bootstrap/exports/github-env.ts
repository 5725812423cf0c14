import { appendFileSync } from "node:fs";
import { messageOf, systemCodeOf, TsmcpError } from "../../core/errors.ts";
import type { Environment } from "../../core/runtime-directory.ts";
import { renderExports } from "./render.ts";
import type { Variable } from "./variables.ts";

/** Sets variables for the later steps of a GitHub Actions job. Throws `usage-invalid` where there is no such job. */
export function appendToGithubEnv(variables: readonly Variable[], env: Environment): string {
  const path = env.GITHUB_ENV ?? "";
  if (path === "") {
    throw new TsmcpError({
      code: "usage-invalid",
      message: "--export github needs GITHUB_ENV, which GitHub Actions sets",
      hint: "pass --export profile or --export none on other machines",
    });
  }
  try {
    appendFileSync(path, renderExports(variables, "github"));
    return path;
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    throw new TsmcpError({
      code: "file-unwritable",
      message: `GITHUB_ENV cannot be written: ${messageOf(error)}`,
      hint: "check the file that GITHUB_ENV names",
      cause: error,
    });
  }
}
