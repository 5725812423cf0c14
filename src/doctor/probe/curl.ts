import { shellQuote } from "../../core/shell-quote.ts";
import { type Disguise, plainly } from "./disguise.ts";
import type { Opening } from "./look.ts";
import { initializeMessage, legacyMessage, type McpMessage, modernMessage } from "./message.ts";
import type { Route } from "./route.ts";

/**
 * Returns a shell line that lists the tools by `route`, disguised; where the server keeps sessions it opens one first.
 * Only what POSIX sh, curl, sed and seq have.
 */
export function curlLine(options: {
  readonly route: Route;
  readonly disguise: Disguise;
  readonly opening: Opening;
  readonly session: boolean;
}): string {
  const { route, disguise, opening, session } = options;
  const listed = opening === "modern" ? modernMessage("tools/list", {}) : legacyMessage("tools/list", {}, []);
  if (!session) return curl({ route, disguise, message: listed });
  return `${openSession({ route, disguise })}; ${curl({ route, disguise, message: listed, extra: [inSession] })}`;
}

/** Returns a shell line that opens a session by one route and lists the tools in it by the other. */
export function sessionLine({ inside, outside }: { readonly inside: Route; readonly outside: Route }): string {
  const message = legacyMessage("tools/list", {}, []);
  return `${openSession({ route: inside, disguise: plainly })}; ${curl({ route: outside, disguise: plainly, message, extra: [inSession] })}`;
}

/** Returns the line of a message that was sent within a session: a session of the reader's own stands in its place. */
export function withSession(
  message: McpMessage,
  { route, line }: { readonly route: Route; readonly line: (message: McpMessage) => string },
): string {
  const headers = message.headers.filter(([name]) => name.toLowerCase() !== "mcp-session-id");
  if (headers.length === message.headers.length) return line(message);
  return `${openSession({ route, disguise: plainly })}; ${line({ ...message, headers })} ${inSession}`;
}

const inSession = '-H "Mcp-Session-Id: $session"';

function openSession({ route, disguise }: { readonly route: Route; readonly disguise: Disguise }): string {
  const open = curl({ route, disguise, message: initializeMessage(), extra: ["-D -", "-o /dev/null"] });
  return `session=$(${open} | sed -n 's/^[Mm][Cc][Pp]-[Ss]ession-[Ii][Dd]: *//p' | tr -d '\\r')`;
}

/** Returns a curl command for one message; `extra` is quoted already. */
export function curl(options: {
  readonly route: Route;
  readonly disguise: Disguise;
  readonly message: McpMessage;
  readonly extra?: readonly string[];
}): string {
  const { route, disguise, message, extra = [] } = options;
  const { contentType = "application/json", accept = "application/json, text/event-stream" } = message;
  const { fillers = [], absolute, authority, protocol } = disguise;
  const path = disguise.path ?? `${route.url.pathname}${route.url.search}`;
  const { before, argument } = bodyOf(message);
  return [
    `${before}curl -sS -m 10`,
    ...{ auto: [], h1: ["--http1.1"], "h1.0": ["--http1.0"], h2: ["--http2"] }[protocol],
    // curl folds "/../" otherwise.
    ...(/\/\.{1,2}(\/|$)/.test(path) ? ["--path-as-is"] : []),
    ...route.curl,
    shellQuote(`${route.url.origin}${path}`),
    ...(absolute === undefined ? [] : [`--request-target ${shellQuote(`${route.url.protocol}//${absolute}${path}`)}`]),
    ...(authority === undefined ? [] : [protocol === "h1.0" ? "-H 'Host:'" : header("Host", authority)]),
    ...disguise.headers.map(([name, value]) => header(name, value)),
    ...route.headers.map(({ name, shown }) => `-H "${inDoubleQuotes(`${name}: ${shown}`)}"`),
    // curl names a type of its own otherwise.
    contentType === "" ? "-H 'Content-Type:'" : header("Content-Type", contentType),
    ...(accept === "" ? [] : [header("Accept", accept)]),
    ...message.headers.map(([name, value]) => header(name, value)),
    ...fillers.map((filler) => `$(seq ${filler.count} | sed 's/.*/-H ${filler.header.join(":")}/')`),
    ...extra,
    ...(message.httpMethod === undefined ? [] : [`-X ${shellQuote(message.httpMethod)}`]),
    argument,
  ].join(" ");
}

/** Bytes that a shell word cannot hold come from printf, by a pipe. */
function bodyOf({ body }: McpMessage): { readonly before: string; readonly argument: string } {
  if (body === "") return { before: "", argument: "-N" };
  if (typeof body === "string" && body.length < maxWordChars) {
    return { before: "", argument: `-d ${shellQuote(body)}` };
  }
  const bytes = Array.from(Buffer.from(body), (byte) => `\\${byte.toString(8).padStart(3, "0")}`);
  return { before: `printf '${bytes.join("")}' | `, argument: "--data-binary @-" };
}

const maxWordChars = 8_000;

function header(name: string, value: string): string {
  // curl takes "Name:" for "leave it out"; an empty value is written with a semicolon.
  return `-H ${shellQuote(value === "" ? `${name};` : `${name}: ${value}`)}`;
}

/** Leaves `$NAME` for the shell to fill in, and nothing else. */
function inDoubleQuotes(text: string): string {
  return text.replaceAll(/["\\`]|\$(?![A-Z_{])/g, "\\$&");
}
