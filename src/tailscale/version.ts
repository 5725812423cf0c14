/** A version of tailscale as numbers, such as 1.102.5. */
export interface TailscaleVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/**
 * Returns the version in `1.102.5`, `1.102.5-t1a2b3c` or `1.102.5-ERR-BuildInfo` (what plain `go install` builds call
 * themselves), or undefined when the text starts with no version.
 */
export function parseTailscaleVersion(text: string): TailscaleVersion | undefined {
  const match = /^\s*v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,9}))?/.exec(text);
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3] ?? 0) };
}

/** Returns true when `version` is `minimum` or newer. */
export function isAtLeast(version: TailscaleVersion, minimum: TailscaleVersion): boolean {
  if (version.major !== minimum.major) return version.major > minimum.major;
  if (version.minor !== minimum.minor) return version.minor > minimum.minor;
  return version.patch >= minimum.patch;
}
