/** One regular file of a tar archive. `path` has no leading `./`. */
export interface TarEntry {
  readonly path: string;
  readonly sizeBytes: number;
  /** To be read to its end before the next entry is asked for; what is left is skipped. */
  readonly content: AsyncIterable<Buffer>;
}

const blockBytes = 512;

/**
 * Yields the regular files of an archive, in order, and skips everything else: links, devices and what names like
 * `../x` could do are nobody's to unpack. Throws when it ends in the middle or is no archive.
 * Source: POSIX.1-2024 `pax`, "ustar Interchange Format".
 */
export async function* readTar(bytes: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const source = sourceOf(bytes);
  for (;;) {
    const header = await source.exactly(blockBytes);
    if (header.every((byte) => byte === 0)) return;
    requireSum(header);
    const sizeBytes = octal(header, 124, 12);
    const kind = String.fromCharCode(header[156] ?? 0);
    const padding = (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
    const rest = { bytes: sizeBytes };
    if (kind === "0" || kind === "\0") {
      yield { path: pathOf(header), sizeBytes, content: contentOf(source, rest) };
    }
    await source.skip(rest.bytes + padding);
  }
}

async function* contentOf(source: Source, rest: { bytes: number }): AsyncGenerator<Buffer> {
  while (rest.bytes > 0) {
    const chunk = await source.atMost(rest.bytes);
    rest.bytes -= chunk.length;
    yield chunk;
  }
}

interface Source {
  exactly(count: number): Promise<Buffer>;
  atMost(count: number): Promise<Buffer>;
  skip(count: number): Promise<void>;
}

function sourceOf(bytes: AsyncIterable<Buffer>): Source {
  const iterator = bytes[Symbol.asyncIterator]();
  let buffer: Buffer = Buffer.alloc(0);
  const atMost = async (count: number): Promise<Buffer> => {
    while (buffer.length === 0) {
      const next = await iterator.next();
      if (next.done === true) throw new Error("the archive ends in the middle");
      buffer = next.value;
    }
    const taken = buffer.subarray(0, count);
    buffer = buffer.subarray(taken.length);
    return taken;
  };
  const skip = async (count: number): Promise<void> => {
    for (let left = count; left > 0; ) left -= (await atMost(left)).length;
  };
  const exactly = async (count: number): Promise<Buffer> => {
    const parts: Buffer[] = [];
    for (let left = count; left > 0; ) {
      const part = await atMost(left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  };
  return { exactly, atMost, skip };
}

function pathOf(header: Buffer): string {
  const isUstar = text(header, 257, 5) === "ustar";
  const prefix = isUstar ? text(header, 345, 155) : "";
  const name = text(header, 0, 100);
  return (prefix === "" ? name : `${prefix}/${name}`).replace(/^(\.\/)+/, "");
}

function text(header: Buffer, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.subarray(0, end === -1 ? length : end).toString("utf8");
}

function octal(header: Buffer, at: number, length: number): number {
  const digits = text(header, at, length).trim();
  if (!/^[0-7]{1,12}$/.test(digits)) throw new Error("the archive holds a file whose size cannot be read");
  return Number.parseInt(digits, 8);
}

/** The sum is taken with its own field as blanks. */
function requireSum(header: Buffer): void {
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (sum !== octal(header, 148, 8)) throw new Error("this is no tar archive");
}
