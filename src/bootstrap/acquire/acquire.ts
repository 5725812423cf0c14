import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TsmcpError } from "../../core/errors.ts";
import { run } from "../../process/run.ts";
import { daemonEnvironment } from "../../tailscale/daemon-environment.ts";
import { locatePrograms } from "../../tailscale/locate.ts";
import { isAtLeast, parseTailscaleVersion } from "../../tailscale/version.ts";
import type { BootstrapWorld } from "../world.ts";
import { type Archive, fetchArchive } from "./archive.ts";
import { forgetArchive, openCache } from "./cache.ts";
import { installFromDistribution } from "./from-distribution.ts";
import { buildWithGo, locateGo } from "./from-go.ts";
import { makePlace, type ProgramName, placeFor, programNames, putInPlace } from "./place.ts";
import type { Acquired, AcquireRequest } from "./request.ts";
import { unpackPrograms } from "./unpack.ts";

/** A program that says its version needs milliseconds. */
const versionLimitMs = 10_000;

/**
 * Returns tailscale's programs: those that are there, where they are as new as asked for; else the distribution's, where the
 * machine may be changed; else the official archive's, else what Go builds. Needs no root, logs in to nothing. Throws `tailscale-missing` when there is no way to them, `checksum-mismatch` and
 * `archive-broken` when the archive is another or cut, `file-unwritable`; then nothing of it is left.
 */
export async function acquireTailscale(request: AcquireRequest, world: BootstrapWorld): Promise<Acquired> {
  const found = await findPrograms(request, world);
  if (found !== undefined) return found;
  const packaged = await installFromDistribution(request, world);
  if (packaged !== undefined) {
    const version = (await versionOf(packaged.tailscaled, world)) ?? "unknown";
    const { tailscale, tailscaled } = packaged;
    return { tailscale, tailscaled, version, source: "package", sha256: null, changed: true };
  }
  const directory = placeFor(request.directory, world);
  makePlace(directory);
  const { from, source, version, sha256 } = await getPrograms(request, directory, world);
  try {
    const told = await versionOf(from.tailscaled, world);
    if (told === undefined)
      world.log.warn(`the tailscaled that was got does not run here: look whether ${directory} forbids programs`);
    const changed = putInPlace(from, directory);
    return { ...inDirectory(directory), version: version ?? told ?? "unknown", source, sha256, changed };
  } finally {
    for (const path of Object.values(from)) rmSync(path, { force: true });
  }
}

/** Where a directory or a pin was asked for, what lies elsewhere and is not known to have the pin will not do. */
async function findPrograms(request: AcquireRequest, world: BootstrapWorld): Promise<Acquired | undefined> {
  if (request.pins.length > 0) return undefined;
  const programs = request.directory === undefined ? locatePrograms(world.env) : inDirectoryIfThere(request.directory);
  if (programs?.kind !== "found") return undefined;
  const version = await versionOf(programs.tailscaled, world);
  if (request.version !== undefined && !isVersion(version, request.version)) {
    world.log.info(
      `${programs.tailscaled} is ${version ?? "of a version that it does not tell"}, not ${request.version}`,
    );
    return undefined;
  }
  const { tailscale, tailscaled } = programs;
  return { tailscale, tailscaled, version: version ?? "unknown", source: "found", sha256: null, changed: false };
}

interface Got {
  readonly from: Readonly<Record<ProgramName, string>>;
  readonly source: Acquired["source"];
  readonly version: string | undefined;
  readonly sha256: string | null;
}

async function getPrograms(request: AcquireRequest, directory: string, world: BootstrapWorld): Promise<Got> {
  const cache = openCache(world);
  try {
    const archive = await fetchArchive(request, cache, world);
    return { ...archive, from: await unpackOrForget(archive, directory, () => forgetArchive(cache, archive.name)) };
  } catch (error) {
    world.signal.throwIfAborted();
    if (!(error instanceof TsmcpError) || !isUnreachable(error)) throw error;
    return await buildInstead(request, { directory, because: error }, world);
  } finally {
    cache.dispose();
  }
}

async function unpackOrForget(archive: Archive, directory: string, forget: () => void): Promise<Got["from"]> {
  try {
    return await unpackPrograms(archive.path, directory);
  } catch (error) {
    if (error instanceof TsmcpError && error.code === "archive-broken") forget();
    throw error;
  }
}

/** What is there and is not what it should be is no reason to look elsewhere. */
function isUnreachable({ code }: TsmcpError): boolean {
  return code === "dial-failed" || code === "http-failed" || code === "unsupported";
}

/** A pin is of the archive: what Go builds cannot have it. */
async function buildInstead(
  request: AcquireRequest,
  { directory, because }: { readonly directory: string; readonly because: TsmcpError },
  world: BootstrapWorld,
): Promise<Got> {
  const go = request.pins.length === 0 ? locateGo(world) : undefined;
  if (go === undefined) throw missing(because);
  world.log.info(`${because.message}; building tailscale with ${go}, which takes minutes`);
  try {
    const from = await buildWithGo({ go, version: request.version, directory }, world);
    return { from, source: "go", version: request.version, sha256: null };
  } catch (error) {
    world.signal.throwIfAborted();
    if (error instanceof TsmcpError) throw missing(because, error);
    throw error;
  }
}

function missing(because: TsmcpError, goError?: TsmcpError): TsmcpError {
  const go = goError === undefined ? "" : `; ${goError.message}`;
  return new TsmcpError({
    code: "tailscale-missing",
    message: `tailscale and tailscaled could not be got: ${because.message}${go}`,
    hint: 'name a mirror that this machine reaches with --mirror, run "tsmcp install" when the image is built, or use the system\'s package manager',
    facts: { ...because.facts },
    cause: because,
  });
}

/** Returns what `tailscaled --version` says first, or undefined when it does not run. */
async function versionOf(file: string, { env, signal }: BootstrapWorld): Promise<string | undefined> {
  const programEnv = daemonEnvironment({ env, logsDir: "/nonexistent", deadProxies: [] });
  const end = await run({ file, args: ["--version"], env: programEnv, cwd: "/", timeoutMs: versionLimitMs, signal });
  if (end.kind !== "exited" || end.exitCode !== 0) return undefined;
  return end.stdout.split("\n")[0]?.trim() ?? "";
}

function isVersion(told: string | undefined, wanted: string): boolean {
  const [left, right] = [parseTailscaleVersion(told ?? ""), parseTailscaleVersion(wanted)];
  return left !== undefined && right !== undefined && isAtLeast(left, right) && isAtLeast(right, left);
}

function inDirectoryIfThere(directory: string): ReturnType<typeof locatePrograms> | undefined {
  const paths = inDirectory(directory);
  return Object.values(paths).every((path) => existsSync(path)) ? { kind: "found", ...paths } : undefined;
}

function inDirectory(directory: string): Readonly<Record<ProgramName, string>> {
  const [tailscale, tailscaled] = programNames;
  return { tailscale: join(directory, tailscale), tailscaled: join(directory, tailscaled) };
}
