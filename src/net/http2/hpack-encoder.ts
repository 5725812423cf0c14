import type { Header } from "../http-message.ts";
import { createDynamicTable, defaultTableBytes, fieldBytes, staticTable } from "./hpack-table.ts";

export interface HpackEncoder {
  /** As long as it stays, the block of the same fields does too. */
  readonly insertions: number;
  /** Returns the block of `fields`. Those that come `again` are remembered by both sides, so that an index will do. */
  encode(fields: readonly Header[], options: { readonly again: boolean }): Buffer;
  /** Follows what the server allows; the next block says so. */
  resize(maxBytes: number): void;
}

/** Source: RFC 7541 §7.1.3: what must not be guessed goes as it is, also past those who pack it anew. */
const secretNames = new Set(["authorization", "proxy-authorization", "cookie"]);

/** More than fit into the table: an entry has 32 bytes at least. */
const maxInserted = 256;

/** Returns what writes the header blocks of one connection, which must be sent in this order. Source: RFC 7541. */
export function createHpackEncoder(): HpackEncoder {
  const table = createDynamicTable();
  /** The number of its insertion, by field. */
  const inserted = new Map<string, number>();
  let maxBytes = defaultTableBytes;
  let saysSize = false;
  let smallestBytes = maxBytes;

  const indexOf = (field: Header): number | undefined => {
    const known = staticFields.get(keyOf(field));
    if (known !== undefined) return known;
    const insertion = inserted.get(keyOf(field));
    return insertion === undefined ? undefined : table.indexOf(insertion);
  };
  const isGone = (insertion: number): boolean => table.indexOf(insertion) === undefined;
  return {
    get insertions() {
      return table.insertions;
    },
    encode(fields, { again }) {
      const bytes: number[] = [];
      if (saysSize) {
        // The smallest of several changes counts too. Source: RFC 7541 §4.2.
        if (smallestBytes < maxBytes) writeInteger(bytes, { value: smallestBytes, prefixBits: 5, first: 0x20 });
        writeInteger(bytes, { value: maxBytes, prefixBits: 5, first: 0x20 });
        saysSize = false;
        smallestBytes = maxBytes;
      }
      for (const field of fields) {
        const index = secretNames.has(field[0]) ? undefined : indexOf(field);
        if (index !== undefined) {
          writeInteger(bytes, { value: index, prefixBits: 7, first: 0x80 });
          continue;
        }
        const isSecret = secretNames.has(field[0]);
        // What takes half of the table would throw out what is worth more.
        const isInserted = again && !isSecret && fieldBytes(field) <= maxBytes / 2;
        const form = isInserted ? { prefixBits: 6, first: 0x40 } : { prefixBits: 4, first: isSecret ? 0x10 : 0 };
        const nameIndex = staticNames.get(field[0]) ?? 0;
        writeInteger(bytes, { ...form, value: nameIndex });
        if (nameIndex === 0) writeString(bytes, field[0]);
        writeString(bytes, field[1]);
        if (!isInserted) continue;
        table.insert(field);
        inserted.set(keyOf(field), table.insertions);
        if (inserted.size > maxInserted) for (const [key, at] of inserted) if (isGone(at)) inserted.delete(key);
      }
      return Buffer.from(bytes);
    },
    resize(newMaxBytes) {
      const allowed = Math.min(newMaxBytes, defaultTableBytes);
      if (allowed === maxBytes) return;
      maxBytes = allowed;
      smallestBytes = Math.min(smallestBytes, allowed);
      saysSize = true;
      table.resize(allowed);
      inserted.clear();
    },
  };
}

/** A field's name has no line breaks. */
function keyOf([name, value]: Header): string {
  return `${name}\n${value}`;
}

const staticFields = new Map(staticTable.map((field, at) => [keyOf(field), at + 1]));
const staticNames = new Map(staticTable.map(([name], at) => [name, at + 1]));

function writeInteger(
  bytes: number[],
  { value, prefixBits, first }: { value: number; prefixBits: number; first: number },
): void {
  const most = (1 << prefixBits) - 1;
  if (value < most) return void bytes.push(first | value);
  bytes.push(first | most);
  let rest = value - most;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
}

function writeString(bytes: number[], text: string): void {
  const latin = Buffer.from(text, "latin1");
  writeInteger(bytes, { value: latin.length, prefixBits: 7, first: 0 });
  for (const byte of latin) bytes.push(byte);
}
