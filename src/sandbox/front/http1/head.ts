import { canonicalName, isToken } from "../request-headers.ts";

/** How the body of a request ends. */
export type BodyFraming =
  | { readonly kind: "none" }
  | { readonly kind: "sized"; readonly length: number }
  | { readonly kind: "chunked" };

/** A request of HTTP/1, as Go has it after it has read the head. */
export interface Head {
  readonly kind: "head";
  readonly method: string;
  /** Bytes as latin1 characters. */
  readonly target: string;
  readonly isVersion10: boolean;
  /** Without what says where the body ends; in the order and spelling in which they came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly framing: BodyFraming;
  /** Whether the client takes a further answer on this connection. */
  readonly isKept: boolean;
  readonly expects: "nothing" | "continue" | "unknown";
}

/** What Go says, and hangs up. */
export interface Refusal {
  readonly kind: "refused";
  readonly status: string;
  /** In the place of the status. */
  readonly text?: string;
}

type Header = readonly [name: string, value: string];

/**
 * Reads a head (latin1, with the empty line at its end) as Go does.
 * Source: Go `net/http` readRequest, readTransfer and conn.serve; `net/textproto` ReadMIMEHeader.
 */
export function parseHead(text: string): Head | Refusal {
  const [first = "", ...rest] = text.replace(/\r?\n\r?\n$/, "").split(/\r?\n/);
  const [, method = "", target = "", version = ""] = /^([^ ]*) ([^ ]*) (.*)$/.exec(first) ?? [];
  const [, major, minor] = /^HTTP\/(\d)\.(\d)$/.exec(version) ?? [];
  if (!isToken(method) || major === undefined || target === "") return badRequest;
  const headers = parseHeaders(rest);
  if (headers === undefined) return badRequest;
  const isVersion10 = major === "1" && minor === "0";
  const framing = framingOf(headers, isVersion10);
  if ("status" in framing) return framing;
  if (major !== "1") return refused("505 HTTP Version Not Supported: unsupported protocol version");
  if (headers.some(([name]) => !isToken(name))) return refused("400 Bad Request: invalid header name");
  const tokens = valuesOf(headers, "Connection").flatMap((value) => value.toLowerCase().split(",").map(trimmed));
  const expected = valuesOf(headers, "Expect")[0] ?? "";
  return {
    kind: "head",
    method,
    target,
    isVersion10,
    headers: headers.filter(([name]) => !framingNames.includes(canonicalName(name))),
    framing,
    isKept: isVersion10 ? tokens.includes("keep-alive") && !tokens.includes("close") : !tokens.includes("close"),
    expects: expected === "" ? "nothing" : /(^|[\t ,])100-continue($|[\t ,])/i.test(expected) ? "continue" : "unknown",
  };
}

/** Returns the whole of what Go writes before it hangs up. */
export function refusalText({ status, text = status }: Refusal): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${text}`;
}

export function refused(status: string): Refusal {
  return { kind: "refused", status };
}

export const badRequest = refused("400 Bad Request");

const framingNames = ["Content-Length", "Transfer-Encoding"];

/** A line that begins with a blank goes on with the one before it. */
function parseHeaders(lines: readonly string[]): Header[] | undefined {
  const joined: string[] = [];
  for (const line of lines) {
    if (!/^[\t ]/.test(line)) joined.push(line.replace(/[\t ]+$/, ""));
    else if (joined.length === 0) return undefined;
    else joined.push(`${joined.pop() ?? ""} ${trimmed(line)}`);
  }
  const headers = joined.map((line): Header | undefined => {
    const at = line.indexOf(":");
    const [name, value] = [line.slice(0, at), trimmed(line.slice(at + 1))];
    // Blanks in a name are another error, and told in other words.
    const isReadable = at > 0 && isToken(name.replaceAll(" ", "a")) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
    return isReadable ? [name, value] : undefined;
  });
  const readable = headers.filter((header) => header !== undefined);
  return readable.length === headers.length ? readable : undefined;
}

function framingOf(headers: readonly Header[], isVersion10: boolean): BodyFraming | Refusal {
  const encodings = isVersion10 ? [] : valuesOf(headers, "Transfer-Encoding");
  const isChunked = encodings.length === 1 && encodings[0]?.toLowerCase() === "chunked";
  if (encodings.length > 0 && !isChunked) {
    return { kind: "refused", status: "501 Not Implemented", text: "Unsupported transfer encoding" };
  }
  const lengths = [...new Set(valuesOf(headers, "Content-Length"))];
  const [length] = lengths;
  if (lengths.length > 1 || (length !== undefined && !/^\d{1,18}$/.test(length))) return badRequest;
  // Chunks count for more than a length, which is then forgotten (RFC 9112 § 6.1).
  if (isChunked) return { kind: "chunked" };
  return Number(length ?? 0) === 0 ? { kind: "none" } : { kind: "sized", length: Number(length) };
}

function valuesOf(headers: readonly Header[], wanted: string): string[] {
  return headers.filter(([name]) => canonicalName(name) === wanted).map(([, value]) => value);
}

function trimmed(text: string): string {
  return text.replace(/^[\t ]+|[\t ]+$/g, "");
}
