import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readTar } from "../../../src/streams/tar.ts";
import { fc } from "../../fakes/drawn.ts";
import { archiveOf } from "../../fakes/mirror.ts";

const programs = { tailscale: "x".repeat(512), tailscaled: "y".repeat(1_000), empty: "" };
const archive = gunzipSync(archiveOf("top", programs));

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function filesOf(source: AsyncIterable<Buffer>): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { path, content } of readTar(source)) {
    const parts: Buffer[] = [];
    for await (const part of content) parts.push(part);
    files[path] = Buffer.concat(parts).toString("utf8");
  }
  return files;
}

test.each([1, 7, 512, 100_000])(
  "readTar yields every regular file when the bytes come in pieces of %d",
  async (size) => {
    expect(await filesOf(inPieces(archive, size))).toEqual({
      "top/tailscale": programs.tailscale,
      "top/tailscaled": programs.tailscaled,
      "top/empty": "",
      "top/systemd/tailscaled.service": "[Unit]\n",
    });
  },
);

test("readTar goes on with the next file when one was not read", async () => {
  const paths: string[] = [];
  for await (const { path } of readTar(inPieces(archive, 100))) paths.push(path);
  expect(paths.sort()).toEqual(["top/empty", "top/systemd/tailscaled.service", "top/tailscale", "top/tailscaled"]);
});

test("readTar throws when the archive is cut anywhere before its end", async () => {
  const used = archive.subarray(0, archive.length - trailingZeros(archive));
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: used.length - 1 }), async (end) => {
      await expect(filesOf(inPieces(used.subarray(0, end), 512))).rejects.toThrow();
    }),
  );
});

test.each(["not an archive at all", "\u0001".repeat(600)])("readTar throws for %j", async (text) => {
  await expect(filesOf(inPieces(Buffer.from(text), 64))).rejects.toThrow(/archive/);
});

function trailingZeros(bytes: Buffer): number {
  let count = 0;
  while (bytes[bytes.length - 1 - count] === 0) count += 1;
  return count;
}
