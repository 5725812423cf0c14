import { join } from "node:path";
import { messageOf, TsmcpError } from "../../core/errors.ts";
import { getTextFromWeb } from "../../net/web-get.ts";
import { archiveName, parseChecksum, parseReleaseIndex, releaseArchitecture } from "../../tailscale/release.ts";
import type { BootstrapWorld } from "../world.ts";
import { type ArchiveCache, forgetArchive, keptArchive, newestKept } from "./cache.ts";
import { download } from "./download.ts";
import type { AcquireRequest } from "./request.ts";
import { sumOf } from "./sum.ts";

/** An archive whose checksum is right. */
export interface Archive {
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly source: "cache" | "archive";
}

const maxIndexBytes = 1024 * 1024;
const maxChecksumBytes = 4096;

/**
 * Returns the official archive for this machine: the copy that was kept, else from the mirror, checked against the
 * publisher's checksum and against the pins where there are some.
 * Throws `dial-failed` and `http-failed` when it cannot be had, `checksum-mismatch` when it is another; then nothing is kept of it.
 */
export async function fetchArchive(
  request: AcquireRequest,
  cache: ArchiveCache,
  world: BootstrapWorld,
): Promise<Archive> {
  const architecture = releaseArchitecture(process.arch);
  if (architecture === undefined || process.platform !== "linux") {
    throw new TsmcpError({
      code: "unsupported",
      message: `there is no archive of tailscale for ${process.platform} on ${process.arch}`,
      hint: "install tailscale with the system's package manager",
    });
  }
  const version = request.version ?? (await newestVersion(request, { cache, architecture }, world));
  const name = archiveName(version, architecture);
  const kept = await keptArchive(cache, name);
  if (kept !== undefined) {
    const isWanted = request.pins.length === 0 || request.pins.includes(kept);
    if (isWanted) return { path: join(cache.directory, name), name, version, sha256: kept, source: "cache" };
    // The pin is the user's word; what was kept may be from before it.
    forgetArchive(cache, name);
  }
  const sums = { name, expected: await publishedSum(request, name, world), pins: request.pins };
  const from = { url: new URL(name, request.mirror), cache, name };
  let file = await download(from, world);
  let sum = await sumOf(file.path);
  if (file.wasResumed && defectOf(sum, sums) !== undefined) {
    file.remove();
    file = await download(from, world);
    sum = await sumOf(file.path);
  }
  const defect = defectOf(sum, sums);
  if (defect === undefined) return { path: file.keep(sum), name, version, sha256: sum, source: "archive" };
  file.remove();
  throw mismatch(defect);
}

async function newestVersion(
  { mirror }: AcquireRequest,
  { cache, architecture }: { readonly cache: ArchiveCache; readonly architecture: string },
  world: BootstrapWorld,
): Promise<string> {
  const url = new URL("?mode=json", mirror);
  try {
    const version = parseReleaseIndex(await getTextFromWeb({ ...world, url }, maxIndexBytes));
    if (version !== undefined) return version;
    throw new TsmcpError({
      code: "http-failed",
      message: `${url.origin}${url.pathname} does not tell the newest version`,
      hint: "name the version with --tailscale-version",
    });
  } catch (error) {
    world.signal.throwIfAborted();
    const kept = newestKept(cache, architecture);
    if (kept === undefined || !(error instanceof TsmcpError)) throw error;
    world.log.warn(`the newest version cannot be told (${messageOf(error)}); ${kept} was kept from before`);
    return kept;
  }
}

/** Returns undefined where the mirror has none. */
async function publishedSum(
  { mirror, pins }: AcquireRequest,
  name: string,
  world: BootstrapWorld,
): Promise<string | undefined> {
  const url = new URL(`${name}.sha256`, mirror);
  try {
    const sum = parseChecksum(await getTextFromWeb({ ...world, url }, maxChecksumBytes));
    if (sum !== undefined) return sum;
    throw mismatch(`${url.origin}${url.pathname} holds no checksum`);
  } catch (error) {
    const isMissing = error instanceof TsmcpError && error.facts.status === 404;
    if (isMissing && pins.length > 0) return undefined;
    throw error;
  }
}

interface Sums {
  readonly name: string;
  readonly expected: string | undefined;
  readonly pins: readonly string[];
}

function defectOf(sum: string, { name, expected, pins }: Sums): string | undefined {
  if (expected !== undefined && sum !== expected) {
    return `${name} has the checksum ${sum}, and its publisher says ${expected}`;
  }
  if (pins.length > 0 && !pins.includes(sum)) {
    return `${name} has the checksum ${sum}, and the pin says ${pins.join(" or ")}`;
  }
  return undefined;
}

function mismatch(message: string): TsmcpError {
  return new TsmcpError({
    code: "checksum-mismatch",
    message,
    hint: "do not use that archive: ask whoever keeps the mirror, or get it from another one with --mirror",
  });
}
