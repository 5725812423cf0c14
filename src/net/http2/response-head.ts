import type { Header } from "../http-message.ts";
import { forbidden } from "./request-fields.ts";

export interface ResponseHead {
  readonly status: number;
  readonly headers: readonly Header[];
  /** What the body must come to; undefined where the server does not say. */
  readonly contentLength: number | undefined;
}

/** Returns the head that the fields are, or what is wrong with them. Source: RFC 9113 §8.2, §8.3. */
export function readResponseHead(fields: readonly Header[]): ResponseHead | string {
  const [first, ...headers] = fields;
  if (first?.[0] !== ":status" || !/^[1-9]\d\d$/.test(first[1])) return "its answer begins with no status";
  const wrong = wrongField(headers);
  if (wrong !== undefined) return wrong;
  let contentLength: number | undefined;
  for (const [name, value] of headers) {
    if (name !== "content-length") continue;
    if (!/^\d{1,15}$/.test(value) || (contentLength ?? Number(value)) !== Number(value)) {
      return `its answer has the length ${JSON.stringify(value)}`;
    }
    contentLength = Number(value);
  }
  return { status: Number(first[1]), headers, contentLength };
}

/** Returns what is wrong with fields that are no pseudo-headers, as in trailers. */
export function wrongField(fields: readonly Header[]): string | undefined {
  for (const [name, value] of fields) {
    if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) || forbidden.has(name)) {
      return `its answer has a header ${JSON.stringify(name)}`;
    }
    if (/[\0\r\n]/.test(value)) return `its answer has a header ${name} with a character that HTTP forbids`;
  }
  return undefined;
}
