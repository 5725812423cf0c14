import type { Header } from "../http-message.ts";

/** The newest entries of a connection's header fields, the oldest of which go when there is no room. Source: RFC 7541 §2.3.2. */
export interface DynamicTable {
  /** How many were ever inserted: as long as it stays, every entry keeps its index. */
  readonly insertions: number;
  /** Returns the entry at an index past the static table. */
  at(index: number): Header | undefined;
  /** Returns the index of the entry that was inserted as number `insertion`, undefined when it is gone. */
  indexOf(insertion: number): number | undefined;
  insert(field: Header): void;
  resize(maxBytes: number): void;
}

/** What either side may use until it is told otherwise. Source: RFC 9113 §6.5.2. */
export const defaultTableBytes = 4_096;

/** Source: RFC 7541 §4.1. */
export function fieldBytes([name, value]: Header): number {
  return name.length + value.length + 32;
}

export function createDynamicTable(): DynamicTable {
  /** The oldest first. */
  const entries: Header[] = [];
  let bytes = 0;
  let maxBytes = defaultTableBytes;
  let insertions = 0;

  const makeRoom = (forBytes: number): void => {
    while (bytes + forBytes > maxBytes) {
      const oldest = entries.shift();
      if (oldest === undefined) return;
      bytes -= fieldBytes(oldest);
    }
  };
  return {
    get insertions() {
      return insertions;
    },
    at: (index) => entries[entries.length - 1 - (index - staticTable.length - 1)],
    indexOf(insertion) {
      const newer = insertions - insertion;
      return newer < entries.length ? staticTable.length + 1 + newer : undefined;
    },
    insert(field) {
      insertions += 1;
      const size = fieldBytes(field);
      makeRoom(size);
      // One that is larger than the table empties it.
      if (size > maxBytes) return;
      entries.push(field);
      bytes += size;
    },
    resize(newMaxBytes) {
      maxBytes = newMaxBytes;
      makeRoom(0);
    },
  };
}

/** From index 1. Source: RFC 7541 appendix A. */
export const staticTable: readonly Header[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];
