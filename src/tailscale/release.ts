/** Node's names of machines, and those in the archives' names. Source: https://pkgs.tailscale.com/stable/#static */
const architectures: Readonly<Record<string, string>> = {
  x64: "amd64",
  arm64: "arm64",
  arm: "arm",
  ia32: "386",
  mips: "mips",
  mipsel: "mipsle",
  riscv64: "riscv64",
};

/** Returns the archive's name of this machine's architecture, or undefined where there is none. */
export function releaseArchitecture(arch: string): string | undefined {
  return architectures[arch];
}

/** Returns the name of a version's archive, such as `tailscale_1.102.5_amd64.tgz`. */
export function archiveName(version: string, architecture: string): string {
  return `tailscale_${version}_${architecture}.tgz`;
}

/** Returns the newest version in the JSON of `MIRROR/?mode=json`, or undefined. */
export function parseReleaseIndex(json: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== "object" || value === null) return undefined;
    const version = "TarballsVersion" in value ? value.TarballsVersion : "Version" in value ? value.Version : undefined;
    return typeof version === "string" && isReleaseVersion(version) ? version : undefined;
  } catch {
    return undefined;
  }
}

/** A version becomes part of a URL and of file names. */
export function isReleaseVersion(text: string): boolean {
  return /^\d{1,4}\.\d{1,6}\.\d{1,9}$/.test(text);
}

/** Returns the checksum in a `.sha256` file: 64 hex digits, alone or before a name, as sha256sum(1) writes them. */
export function parseChecksum(text: string): string | undefined {
  return /^\s*([0-9a-fA-F]{64})(\s|$)/.exec(text)?.[1]?.toLowerCase();
}
