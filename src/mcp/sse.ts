import { createAccumulator } from "../streams/accumulator.ts";

/** One event of a server's stream. */
export type SseItem =
  | {
      readonly kind: "event";
      /** `message` unless the server named it. */
      readonly type: string;
      readonly data: Buffer;
      /** The last id so far, for resuming: as a header carries it, a byte a character. */
      readonly lastEventId: string | undefined;
    }
  | { readonly kind: "retry"; readonly delayMs: number }
  /** An event with more data than this, told as soon as it is known: its end may never come. The rest of the stream goes on. */
  | { readonly kind: "oversize"; readonly maxBytes: number };

export interface SseParser {
  push(chunk: Buffer): SseItem[];
}

const lf = 0x0a;
const cr = 0x0d;
const colon = 0x3a;
const blank = 0x20;

/**
 * Returns a parser of `text/event-stream` that works on bytes, so a character cut in two is no matter, and holds at most
 * `maxEventBytes`. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export function createSseParser({ maxEventBytes }: { maxEventBytes: number }): SseParser {
  const partial = createAccumulator();
  let lineBytes = 0;
  let skipLf = false;
  let isFirstLine = true;
  let type = "message";
  let blocks: Buffer[] = [];
  let data: Buffer[] = [];
  let dataBytes = 0;
  let lastEventId: string | undefined;
  let isNewId = false;
  let isOversize = false;

  const hold = (part: Buffer): SseItem[] => {
    lineBytes += part.length;
    if (lineBytes <= maxEventBytes + maxFieldBytes) {
      partial.add(part);
      return [];
    }
    partial.bytes();
    return giveUp();
  };
  const drop = (): void => {
    blocks = [];
    data = [];
    dataBytes = 0;
  };
  /** The event is no more than read to its end. */
  const giveUp = (): SseItem[] => {
    drop();
    if (isOversize) return [];
    isOversize = true;
    return [{ kind: "oversize", maxBytes: maxEventBytes }];
  };
  const keep = (value: Buffer): void => {
    // A line of one byte costs a hundred as a Buffer of its own.
    if (data.length === maxLooseLines) {
      blocks.push(joined(data));
      data = [];
    }
    data.push(value);
  };
  const dispatch = (): SseItem[] => {
    const item: SseItem[] = [];
    if (isOversize) isOversize = false;
    else if (data.length > 0) item.push({ kind: "event", type, data: joined([...blocks, joined(data)]), lastEventId });
    // An id counts though there is no event with it: some servers number the place alone.
    else if (isNewId) item.push({ kind: "event", type, data: emptyLine, lastEventId });
    isNewId = false;
    type = "message";
    drop();
    return item;
  };
  const finishLine = (): SseItem[] => {
    const isWhole = lineBytes === partial.size;
    const whole = partial.bytes();
    lineBytes = 0;
    if (!isWhole) return [];
    const line = isFirstLine ? withoutMark(whole) : whole;
    isFirstLine = false;
    if (line.length === 0) return dispatch();
    const { name, value } = fieldOf(line);
    if (name === "data") {
      dataBytes += value.length + (data.length > 0 ? 1 : 0);
      if (isOversize || dataBytes > maxEventBytes) return giveUp();
      keep(value);
    } else if (name === "event") type = value.length === 0 ? "message" : value.toString("utf8");
    else if (name === "id" && !value.includes(0)) {
      lastEventId = headerValue(value);
      isNewId = true;
    } else if (name === "retry" && /^\d{1,9}$/.test(value.toString("latin1"))) {
      return [{ kind: "retry", delayMs: Number(value.toString("latin1")) }];
    }
    return [];
  };
  return {
    push(chunk) {
      const items: SseItem[] = [];
      let start = skipLf && chunk[0] === lf ? 1 : 0;
      if (chunk.length > 0) skipLf = false;
      // Searched again only once passed: most streams have none, and then it is searched once a chunk.
      let nextCr = chunk.indexOf(cr, start);
      while (start < chunk.length) {
        const nextLf = chunk.indexOf(lf, start);
        if (nextCr !== -1 && nextCr < start) nextCr = chunk.indexOf(cr, start);
        const isCr = nextCr !== -1 && (nextLf === -1 || nextCr < nextLf);
        const end = isCr ? nextCr : nextLf;
        if (end === -1) {
          items.push(...hold(chunk.subarray(start)));
          break;
        }
        items.push(...hold(chunk.subarray(start, end)), ...finishLine());
        start = end + 1;
        if (!isCr) continue;
        if (start === chunk.length) skipLf = true;
        else if (chunk[start] === lf) start += 1;
      }
      return items;
    },
  };
}

const maxLooseLines = 1024;

/** A field's name, its colon and blank; names, ids and comments of our peers are far shorter. */
const maxFieldBytes = 4096;
const emptyLine = Buffer.alloc(0);

function fieldOf(line: Buffer): { name: string; value: Buffer } {
  const at = line.indexOf(colon);
  if (at === -1) return { name: line.toString("latin1"), value: emptyLine };
  const from = line[at + 1] === blank ? at + 2 : at + 1;
  return { name: line.toString("latin1", 0, at), value: line.subarray(from) };
}

function joined(data: readonly Buffer[]): Buffer {
  const [first = emptyLine, ...rest] = data;
  return rest.length === 0 ? first : Buffer.concat([first, ...rest.flatMap((part) => [Buffer.from("\n"), part])]);
}

/** Returns an id as the value of `Last-Event-ID`, in the bytes of its UTF-8; undefined where no header can carry it. */
function headerValue(id: Buffer): string | undefined {
  const text = id.toString("latin1");
  return /^[\t\x20-\x7e\x80-\xff]+$/.test(text) ? text : undefined;
}

/** A byte order mark at the start of the stream is not part of its first field. */
function withoutMark(line: Buffer): Buffer {
  return line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? line.subarray(3) : line;
}
