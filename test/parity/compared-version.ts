import { defaultVersion } from "../../src/sandbox/people.ts";
import { isAtLeast, parseTailscaleVersion } from "../../src/tailscale/version.ts";

/** The variable that names the version of tailscale to compare with; `npm run parity` sets it. */
export const comparedVariable = "TSMCP_PARITY_AS";

/** Returns the version that is compared where it is not the tests' own, such as `1.90.9`. */
export function comparedRelease(): string | undefined {
  return process.env[comparedVariable];
}

/** Returns true when what came with that version of tailscale, such as `1.92`, can be compared. */
export function isThereSince(since: string): boolean {
  const [compared, minimum] = [comparedRelease() ?? defaultVersion, since].map(parseTailscaleVersion);
  if (compared === undefined || minimum === undefined) throw new Error(`no version of tailscale: ${since}`);
  return isAtLeast(compared, minimum);
}
