import { isObject } from "../../core/json-object.ts";
import type { JsonObject } from "../../mcp/json.ts";
import { createSseParser } from "../../mcp/sse.ts";

/** The answer to one JSON-RPC request. */
export type McpAnswer =
  | { readonly kind: "result"; readonly result: JsonObject }
  | { readonly kind: "error"; readonly code: number; readonly message: string };

/**
 * Returns the answer with this id in an HTTP body, plain JSON or an event stream, or undefined when there is none
 * (yet). Believes the bytes and not the content type, which a careless server gets wrong.
 * Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports
 */
export function readAnswer(body: Buffer, id: number): McpAnswer | undefined {
  const start = body
    .toString("utf8", 0, 64)
    .replace(/^\ufeff/, "")
    .trimStart();
  const candidates = /^[[{]/.test(start) ? [body] : eventData(body);
  for (const candidate of candidates) {
    const answer = toAnswer(parseJson(candidate.toString("utf8").replace(/^\ufeff/, "")), id);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/**
 * Returns a function that is told a body piece by piece, each once, and says when the answer is there, so that nobody waits
 * for the end of a stream that has none. What it has seen it does not look at again, however small the pieces.
 */
export function watchForAnswer(id: number, maxEventBytes: number): (piece: Buffer) => boolean {
  let json: ((piece: Buffer) => boolean) | undefined;
  const parser = createSseParser({ maxEventBytes });
  let hasBegun = false;
  return (piece) => {
    if (!hasBegun) {
      const start = piece.find((byte) => !blankBytes.has(byte));
      hasBegun = start !== undefined;
      if (start === openingBrace || start === openingBracket) json = watchForEnd();
    }
    if (json !== undefined) return json(piece);
    return parser.push(piece).some((item) => item.kind === "event" && readAnswer(item.data, id) !== undefined);
  };
}

/** Tells when the outermost object or list of a JSON text is closed. */
function watchForEnd(): (piece: Buffer) => boolean {
  let depth = 0;
  let isString = false;
  let isEscaped = false;
  return (piece) => {
    for (const byte of piece) {
      if (isEscaped) isEscaped = false;
      else if (isString) {
        isEscaped = byte === backslash;
        isString = byte !== quote;
      } else if (byte === quote) isString = true;
      else if (byte === openingBrace || byte === openingBracket) depth += 1;
      else if ((byte === closingBrace || byte === closingBracket) && --depth === 0) return true;
    }
    return false;
  };
}

/** Blank, tab, line ends, and the three bytes of a byte order mark. */
const blankBytes: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf]);
const [openingBrace, closingBrace, openingBracket, closingBracket, quote, backslash] = [
  0x7b, 0x7d, 0x5b, 0x5d, 0x22, 0x5c,
] as const;

function eventData(body: Buffer): Buffer[] {
  const parser = createSseParser({ maxEventBytes: body.length });
  return parser.push(body).flatMap((item) => (item.kind === "event" ? [item.data] : []));
}

function toAnswer(value: unknown, id: number): McpAnswer | undefined {
  // A server of 2025-03-26 may answer in a batch. A batch holds no batch, however deep a hostile one nests.
  const items = Array.isArray(value) ? value : [value];
  for (const item of items) {
    const answer = toMessageAnswer(item, id);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function toMessageAnswer(value: unknown, id: number): McpAnswer | undefined {
  if (!isObject(value) || Array.isArray(value)) return undefined;
  const { result, error } = value;
  // Some servers hand a number back as a text, and a probe may ask in either form.
  const isOurs = value.id === id || value.id === String(id);
  if (isOurs && isObject(result)) return { kind: "result", result };
  // An error may come without the id when the request could not be read (JSON-RPC 2.0 § 5).
  if (!isObject(error) || (!isOurs && value.id !== null && value.id !== undefined)) return undefined;
  const { code, message } = error;
  return {
    kind: "error",
    code: typeof code === "number" ? code : 0,
    message: typeof message === "string" ? message : "",
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
