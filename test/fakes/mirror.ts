import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listen } from "./listening.ts";

/** What the mirror does with one file beside giving it. */
export interface MirrorFile {
  readonly bytes: Buffer;
  /** The connection breaks after so many bytes of each answer. */
  readonly cutAfter?: number;
  /** After these bytes nothing more comes. */
  readonly stallAfter?: number;
  readonly knowsRanges?: boolean;
}

export interface Mirror extends AsyncDisposable {
  readonly url: string;
  /** `METHOD path`, with the range where there was one. */
  readonly asked: readonly string[];
  /** Puts a file, with its checksum unless `sum` is another one; null: without. */
  put(name: string, file: MirrorFile, sum?: string | null): void;
}

/** A mirror of static archives on loopback, as https://pkgs.tailscale.com/stable/ is one. */
export async function startMirror(newest?: string): Promise<Mirror> {
  const files = new Map<string, MirrorFile>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { range } = request.headers;
    asked.push(`${request.method} ${request.url}${range === undefined ? "" : ` ${range}`}`);
    if (request.url === "/?mode=json" && newest !== undefined) {
      response.end(JSON.stringify({ TarballsVersion: newest }));
      return;
    }
    const file = files.get((request.url ?? "").slice(1));
    if (file === undefined) {
      response.writeHead(404).end("none");
      return;
    }
    const from = file.knowsRanges === false ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const rest = file.bytes.subarray(from);
    const headers = { "Content-Length": rest.length };
    if (from > 0) response.writeHead(206, { ...headers, "Content-Range": `bytes ${from}-/${file.bytes.length}` });
    else response.writeHead(200, headers);
    if (file.stallAfter !== undefined) response.write(rest.subarray(0, file.stallAfter));
    else if (file.cutAfter === undefined || rest.length <= file.cutAfter) response.end(rest);
    else response.write(rest.subarray(0, file.cutAfter), () => response.destroy());
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}/`,
    asked,
    put(name, file, sum = sha256(file.bytes)) {
      files.set(name, file);
      if (sum !== null) files.set(`${name}.sha256`, { bytes: Buffer.from(`${sum}\n`) });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

export function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Returns an archive as the publisher makes it, of programs with this text. */
export function archiveOf(top: string, programs: Readonly<Record<string, string>>): Buffer {
  const directory = mkdtempSync(join(tmpdir(), "tsmcp-archive-"));
  try {
    mkdirSync(join(directory, top, "systemd"), { recursive: true });
    for (const [name, text] of Object.entries({ ...programs, "systemd/tailscaled.service": "[Unit]\n" })) {
      writeFileSync(join(directory, top, name), text);
      chmodSync(join(directory, top, name), 0o755);
    }
    symlinkSync("/etc/passwd", join(directory, top, "link"));
    execFileSync("tar", ["-czf", "a.tgz", top], { cwd: directory });
    return readFileSync(join(directory, "a.tgz"));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
