import type { Header, HttpRequest } from "../http-message.ts";
import type { HpackEncoder } from "./hpack-encoder.ts";

interface Ready {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly Header[];
  readonly tellsLength: boolean;
  /** The block, and how many insertions there were when it was made. */
  block: Buffer;
  insertions: number;
}

/**
 * Returns what makes the header blocks of one connection, whose scheme and authority stay. The fields of a frozen list are
 * looked at once, and their block is made once: that is how every call of a session comes. Throws for a field that HTTP/2 forbids.
 */
export function createRequestBlocks(encoder: HpackEncoder): (request: HttpRequest) => Buffer {
  const known = new WeakMap<readonly Header[], Ready>();

  const blockOf = (ready: Ready): Buffer => {
    // Until every field has its index, each block is another one.
    if (ready.insertions !== encoder.insertions) {
      ready.insertions = encoder.insertions;
      ready.block = encoder.encode(ready.fields, { again: true });
    }
    return ready.block;
  };
  const blockOnce = (fields: readonly Header[]): Buffer => encoder.encode(fields, { again: false });
  return (request) => {
    const { method, target, headers, body } = request;
    let ready = known.get(headers);
    if (ready === undefined || ready.method !== method || ready.target !== target) {
      const fields = fieldsOf(request);
      const tellsLength = fields.some(([name]) => name === "content-length");
      ready = { method, target, fields, tellsLength, block: none, insertions: Number.NaN };
      if (Object.isFrozen(headers)) known.set(headers, ready);
    }
    const block = known.has(headers) ? blockOf(ready) : blockOnce(ready.fields);
    return body === undefined || ready.tellsLength ? block : Buffer.concat([block, lengthField(body.byteLength)]);
  };
}

const none = Buffer.alloc(0);

/** A literal that nobody has to remember, with the name of index 28. Source: RFC 7541 §6.2.2. */
function lengthField(bytes: number): Buffer {
  const digits = String(bytes);
  return Buffer.from(`\x0f\x0d${String.fromCharCode(digits.length)}${digits}`, "latin1");
}

/** Source: RFC 9113 §8.3.1. */
function fieldsOf({ method, scheme, authority, target, headers }: HttpRequest): readonly Header[] {
  const fields: Header[] = [
    [":method", method],
    [":scheme", scheme],
    [":authority", authority],
    [":path", target],
  ];
  for (const [name, value] of headers) fields.push([checkedName(name.toLowerCase(), value), value]);
  for (const [name, value] of fields) {
    if (/[\0\r\n]|[^\0-\xff]/.test(value)) throw new Error(`the header ${name} has a character that HTTP forbids`);
  }
  return fields;
}

function checkedName(name: string, value: string): string {
  if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) || forbidden.has(name) || (name === "te" && value !== "trailers")) {
    throw new Error(`HTTP/2 has no header ${JSON.stringify(name)}`);
  }
  return name;
}

/** They speak of the connection, which is another thing here. Source: RFC 9113 §8.2.2. */
export const forbidden: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);
