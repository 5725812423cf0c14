import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemCodeOf } from "../../core/errors.ts";
import { homeDirectory, makeOwnDirectory } from "../../core/runtime-directory.ts";
import { isReleaseVersion, parseChecksum } from "../../tailscale/release.ts";
import { isAtLeast, parseTailscaleVersion } from "../../tailscale/version.ts";
import type { BootstrapWorld } from "../world.ts";
import { sumOf } from "./sum.ts";

/** Where archives are kept, so that another install needs no network. */
export interface ArchiveCache {
  readonly directory: string;
  /** Removes it where it is for this run only. */
  dispose(): void;
}

/** Returns the cache in the home directory; one for this run where nothing can be kept there. */
export function openCache({ env }: BootstrapWorld): ArchiveCache {
  const home = homeDirectory(env);
  if (home !== undefined) {
    try {
      const directory = join(home, ".cache/tsmcp/tailscale");
      makeOwnDirectory(directory);
      return { directory, dispose: () => {} };
    } catch (error) {
      if (systemCodeOf(error) === undefined) throw error;
    }
  }
  const directory = mkdtempSync(join(tmpdir(), "tsmcp-tailscale-"));
  return { directory, dispose: () => rmSync(directory, { recursive: true, force: true }) };
}

/** Returns the checksum of an archive that was kept and is as it was then; what is not is removed. */
export async function keptArchive(cache: ArchiveCache, name: string): Promise<string | undefined> {
  const path = join(cache.directory, name);
  try {
    const noted = parseChecksum(readFileSync(`${path}.sha256`, "utf8"));
    const sum = await sumOf(path);
    if (noted === sum) return sum;
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
  }
  forgetArchive(cache, name);
  return undefined;
}

export function noteSum(cache: ArchiveCache, name: string, sum: string): void {
  writeFileSync(join(cache.directory, `${name}.sha256`), `${sum}  ${name}\n`, { mode: 0o600 });
}

export function forgetArchive({ directory }: ArchiveCache, name: string): void {
  for (const file of [name, `${name}.sha256`]) rmSync(join(directory, file), { force: true });
}

/** Returns the newest version of which an archive was kept. */
export function newestKept({ directory }: ArchiveCache, architecture: string): string | undefined {
  const versions = readdirSync(directory).flatMap((file) => {
    const [, version = "", arch] = /^tailscale_([^_]+)_([^_]+)\.tgz\.sha256$/.exec(file) ?? [];
    return arch === architecture && isReleaseVersion(version) ? [version] : [];
  });
  return versions.reduce<string | undefined>((newest, version) => {
    const [left, right] = [parseTailscaleVersion(newest ?? ""), parseTailscaleVersion(version)];
    return left !== undefined && right !== undefined && isAtLeast(left, right) ? newest : version;
  }, undefined);
}
