import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { systemCodeOf, TsmcpError } from "../../core/errors.ts";
import { headerOf } from "../../net/http-message.ts";
import { bytesOf, getFromWeb, type WebAnswer } from "../../net/web-get.ts";
import { identityOf } from "../../process/identity.ts";
import type { BootstrapWorld } from "../world.ts";
import { type ArchiveCache, noteSum } from "./cache.ts";

/** A file that came from the mirror and is not trusted yet. */
export interface Download {
  readonly path: string;
  /** Whether a part of it is from a run before, and may be of another file. */
  readonly wasResumed: boolean;
  /** Keeps it under its name, with its checksum, and returns where. */
  keep(sum: string): string;
  remove(): void;
}

/** The static archives have 35 MB; nothing of theirs will have this. */
const maxArchiveBytes = 512 * 1024 * 1024;

/**
 * Gets a file into the cache. What a run that was killed had got is gone on with, and so is what a broken connection left, as
 * long as each try brings something. Throws `dial-failed` and `http-failed`; then nothing is kept.
 */
export async function download(
  { url, cache, name }: { readonly url: URL; readonly cache: ArchiveCache; readonly name: string },
  world: BootstrapWorld,
): Promise<Download> {
  const path = claimPart(cache, name);
  const part: Download = {
    path,
    wasResumed: sizeOf(path) > 0,
    keep: (sum) => {
      const kept = join(cache.directory, name);
      noteSum(cache, name, sum);
      renameSync(path, kept);
      return kept;
    },
    remove: () => rmSync(path, { force: true }),
  };
  try {
    for (let before = -1; ; ) {
      const at = sizeOf(path);
      if (at > 0) world.log.debug(`going on with ${url.origin}${url.pathname} at ${at} bytes`);
      const end = await getRest(url, { path, at }, world);
      if (end.kind === "whole") return part;
      // The first try may have begun anew where the server knows no ranges.
      if (sizeOf(path) <= Math.max(before, at)) throw end.error;
      before = at;
    }
  } catch (error) {
    // Who ends it by Ctrl-C will go on with it.
    if (!world.signal.aborted) part.remove();
    throw error;
  }
}

type RestEnd = { readonly kind: "whole" } | { readonly kind: "broken"; readonly error: unknown };

async function getRest(
  url: URL,
  { path, at }: { readonly path: string; readonly at: number },
  world: BootstrapWorld,
): Promise<RestEnd> {
  const answer = await getFromWeb({ ...world, url, headers: at === 0 ? [] : [["Range", `bytes=${at}-`]] });
  if (at > 0 && answer.status === 416) {
    answer.body.destroy();
    // Nothing is left to get, or what we have is longer than the file: the checksum tells.
    return { kind: "whole" };
  }
  const isRest =
    at > 0 && answer.status === 206 && headerOf(answer.headers, "content-range")?.startsWith(`bytes ${at}-`);
  if (answer.status !== 200 && isRest !== true) {
    answer.body.destroy();
    throw notThere(url, answer.status);
  }
  return write(answer, { url, path, at: isRest === true ? at : 0 });
}

async function write(
  answer: WebAnswer,
  { url, path, at }: { readonly url: URL; readonly path: string; readonly at: number },
): Promise<RestEnd> {
  const descriptor = openSync(path, "r+");
  let size = at;
  try {
    ftruncateSync(descriptor, at);
    for await (const chunk of bytesOf(answer, url)) {
      for (let done = 0; done < chunk.length; )
        done += writeSync(descriptor, chunk, done, chunk.length - done, size + done);
      size += chunk.length;
      if (size > maxArchiveBytes) throw tooLarge(url);
    }
    fsyncSync(descriptor);
  } catch (error) {
    if (error instanceof TsmcpError && error.code === "http-failed") return { kind: "broken", error };
    if (systemCodeOf(error) === undefined) throw error;
    throw new TsmcpError({
      code: "file-unwritable",
      message: `${JSON.stringify(path)} cannot be written: ${systemCodeOf(error)}`,
      hint: "make room in the home directory",
      cause: error,
    });
  } finally {
    closeSync(descriptor);
  }
  return { kind: "whole" };
}

/** Takes over what a run that is over left, by a rename that only one can do; makes an empty file where there is none. */
function claimPart({ directory }: ArchiveCache, name: string): string {
  const own = join(directory, `${name}.${process.pid}.part`);
  for (const file of readdirSync(directory)) {
    const pid = file.startsWith(`${name}.`) ? /\.(\d+)\.part$/.exec(file)?.[1] : undefined;
    if (pid === undefined || (Number(pid) !== process.pid && identityOf(Number(pid)) !== undefined)) continue;
    try {
      renameSync(join(directory, file), own);
    } catch (error) {
      if (systemCodeOf(error) !== "ENOENT") throw error;
    }
  }
  closeSync(openSync(own, "a", 0o600));
  return own;
}

function sizeOf(path: string): number {
  return statSync(path).size;
}

function notThere(url: URL, status: number): TsmcpError {
  return new TsmcpError({
    code: "http-failed",
    message: `${url.origin}${url.pathname}: it answers ${status}`,
    hint: "check the version and the mirror",
    facts: { url: `${url.origin}${url.pathname}`, status },
  });
}

function tooLarge(url: URL): TsmcpError {
  return new TsmcpError({
    code: "checksum-mismatch",
    message: `${url.origin}${url.pathname} is larger than ${maxArchiveBytes} bytes`,
    hint: "use another mirror",
  });
}
