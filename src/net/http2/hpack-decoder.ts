import type { Header } from "../http-message.ts";
import { ConnectionError, errorCodes } from "./frame.ts";
import { createDynamicTable, defaultTableBytes, fieldBytes, staticTable } from "./hpack-table.ts";
import { decodeHuffman } from "./huffman.ts";

export interface DecodedFields {
  readonly fields: readonly Header[];
  /** There were more than `maxListBytes` of them; what is past that was read and dropped, because the table depends on it. */
  readonly isTooLarge: boolean;
}

/**
 * Returns what reads the header blocks of one connection, in the order of their arrival. Throws ConnectionError for what is
 * none: after that the two sides no longer agree on the table. Source: RFC 7541.
 */
export function createHpackDecoder(maxListBytes: number): (block: Buffer) => DecodedFields {
  const table = createDynamicTable();

  const fieldAt = (index: number): Header => {
    const field = index <= staticTable.length ? staticTable[index - 1] : table.at(index);
    if (field === undefined) throw broken("an index that names nothing");
    return field;
  };
  return (block) => {
    const fields: Header[] = [];
    let listBytes = 0;
    const keep = (field: Header): void => {
      listBytes += fieldBytes(field);
      if (listBytes <= maxListBytes) fields.push(field);
    };
    const cursor: Cursor = { block, at: 0 };
    let mayResize = true;
    while (cursor.at < block.length) {
      const first = block[cursor.at] ?? 0;
      if ((first & 0xe0) === 0x20) {
        const maxBytes = readInteger(cursor, 5);
        if (!mayResize || maxBytes > defaultTableBytes) throw broken("a change of the table that is not allowed");
        table.resize(maxBytes);
        continue;
      }
      mayResize = false;
      if ((first & 0x80) !== 0) {
        keep(fieldAt(readInteger(cursor, 7)));
        continue;
      }
      const isInserted = (first & 0xc0) === 0x40;
      const nameIndex = readInteger(cursor, isInserted ? 6 : 4);
      const name = nameIndex === 0 ? readString(cursor) : fieldAt(nameIndex)[0];
      const field: Header = [name, readString(cursor)];
      if (isInserted) table.insert(field);
      keep(field);
    }
    return { fields, isTooLarge: listBytes > maxListBytes };
  };
}

interface Cursor {
  readonly block: Buffer;
  at: number;
}

/** Larger numbers have no use here: a block is smaller than that. Four bytes of seven bits. */
const longestInteger = 4;

/** Source: RFC 7541 §5.1. */
function readInteger(cursor: Cursor, prefixBits: number): number {
  const most = (1 << prefixBits) - 1;
  let value = readByte(cursor) & most;
  if (value < most) return value;
  for (let digit = 0; digit < longestInteger; digit++) {
    const byte = readByte(cursor);
    value += (byte & 0x7f) * 2 ** (7 * digit);
    if ((byte & 0x80) === 0) return value;
  }
  throw broken("a number that is too large");
}

/** Source: RFC 7541 §5.2. */
function readString(cursor: Cursor): string {
  const isHuffman = ((cursor.block[cursor.at] ?? 0) & 0x80) !== 0;
  const length = readInteger(cursor, 7);
  const start = cursor.at;
  if (start + length > cursor.block.length) throw broken("a text that is cut off");
  cursor.at = start + length;
  if (!isHuffman) return cursor.block.toString("latin1", start, cursor.at);
  const text = decodeHuffman(cursor.block.subarray(start, cursor.at));
  if (text === undefined) throw broken("a text that is no Huffman code");
  return text;
}

function readByte(cursor: Cursor): number {
  const byte = cursor.block[cursor.at];
  if (byte === undefined) throw broken("a number that is cut off");
  cursor.at += 1;
  return byte;
}

function broken(what: string): ConnectionError {
  return new ConnectionError(errorCodes.compressionError, `the server sent ${what} in a header`);
}
