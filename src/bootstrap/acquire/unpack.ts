import { closeSync, createReadStream, fchmodSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { createGunzip } from "node:zlib";
import { messageOf, systemCodeOf, TsmcpError } from "../../core/errors.ts";
import { readTar, type TarEntry } from "../../streams/tar.ts";
import { type ProgramName, programNames, temporaryName } from "./place.ts";

/** tailscaled has 40 MB; no program of theirs will have this. */
const maxProgramBytes = 512 * 1024 * 1024;

/**
 * Writes the two programs of an archive into `directory`, each under a temporary name, and returns where.
 * Throws `archive-broken` when the archive is cut or does not hold both, `file-unwritable` when there is no room; then nothing is left.
 */
export async function unpackPrograms(
  archive: string,
  directory: string,
): Promise<Readonly<Record<ProgramName, string>>> {
  const paths = {
    tailscale: temporaryName(directory, "tailscale"),
    tailscaled: temporaryName(directory, "tailscaled"),
  };
  const found = new Set<ProgramName>();
  try {
    for await (const entry of readTar(gunzipped(archive))) {
      const name = programNames.find((candidate) => new RegExp(`^[^/]+/${candidate}$`).test(entry.path));
      if (name === undefined || found.has(name)) continue;
      await writeProgram(entry, paths[name]);
      found.add(name);
    }
    const missing = programNames.filter((name) => !found.has(name));
    if (missing.length > 0) throw new Error(`it does not hold ${missing.join(" and ")}`);
    return paths;
  } catch (error) {
    for (const path of Object.values(paths)) rmSync(path, { force: true });
    throw failureOf(error, archive, directory);
  }
}

async function* gunzipped(archive: string): AsyncGenerator<Buffer> {
  const file = createReadStream(archive);
  const gunzip = createGunzip();
  file.on("error", (error) => gunzip.destroy(error));
  for await (const chunk of file.pipe(gunzip)) yield Buffer.from(chunk);
}

async function writeProgram(entry: TarEntry, path: string): Promise<void> {
  if (entry.sizeBytes > maxProgramBytes) throw new Error(`it holds a program of ${entry.sizeBytes} bytes`);
  rmSync(path, { force: true });
  const descriptor = openSync(path, "wx", 0o755);
  try {
    for await (const chunk of entry.content) {
      for (let done = 0; done < chunk.length; ) done += writeSync(descriptor, chunk, done);
    }
    // Also under a umask of 077: whoever may enter the directory may run them.
    fchmodSync(descriptor, 0o755);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** zlib's errors have codes too (Z_BUF_ERROR), and are the archive's. */
function failureOf(error: unknown, archive: string, directory: string): TsmcpError {
  const code = systemCodeOf(error);
  if (code?.startsWith("E") === true) {
    return new TsmcpError({
      code: "file-unwritable",
      message: `the programs cannot be written into ${JSON.stringify(directory)}: ${messageOf(error)}`,
      hint: "name a directory with --dir that this user can write and that has room",
      cause: error,
    });
  }
  return new TsmcpError({
    code: "archive-broken",
    message: `the archive ${JSON.stringify(archive)} cannot be used: ${messageOf(error)}`,
    hint: "ask whoever keeps the mirror, or get it from another one with --mirror",
    cause: error,
  });
}
