import { randomInt } from "node:crypto";
import { TsmcpError } from "../../core/errors.ts";
import { shellQuote } from "../../core/shell-quote.ts";
import { timeoutSignal } from "../../core/timeout-signal.ts";
import type { Header } from "../../net/http-message.ts";
import { type Approach, approach, type OpenApproach } from "../attack/approach.ts";
import type { Attack, Try } from "../attack/attack.ts";
import { asSomebody } from "../attack/identity.ts";
import type { TargetContext } from "../context.ts";
import { readAnswer } from "../probe/answer.ts";
import { userAgent } from "../probe/caller.ts";
import { nothingSeen, type Sighting, toolNames } from "../probe/look.ts";
import { initializeMessage, legacyMessage, type McpMessage, modernMessage } from "../probe/message.ts";
import type { Laboratory } from "./laboratory.ts";
import { bodyOf, keepTranscript } from "./transcript.ts";
import { type Vector, vectors } from "./vectors.ts";
import { sendBytes } from "./wire.ts";

/** How late a body is that no answer came before. */
const lateMs = 300;

/** Sends requests with others in their bodies, one after another, and looks for answers that nobody asked for. */
export async function smuggle(context: TargetContext, signal: AbortSignal): Promise<Attack> {
  const laboratory = laboratoryOf(context);
  const open: Approach = await approach(context);
  if (open.kind !== "open") return open;
  const tries: Try[] = [];
  for (const vector of vectors) tries.push(await tryVector(vector, { open, laboratory, signal }));
  return { kind: "tried", tries, allowed: open.allowed };
}

/** Throws `unsupported` outside a sandbox, where nothing of this may be sent. */
export function laboratoryOf({ machine }: TargetContext): Laboratory {
  const { laboratory } = machine.world;
  if (laboratory !== undefined) return laboratory;
  throw new TsmcpError({
    code: "unsupported",
    message: "this is not tried on a real host",
    hint: "use: tsmcp sandbox --doctor --intrusive -- CMD",
  });
}

async function tryVector(
  vector: Vector,
  {
    open,
    laboratory,
    signal,
  }: { readonly open: OpenApproach; readonly laboratory: Laboratory; readonly signal: AbortSignal },
): Promise<Try> {
  const { route } = open;
  const id = randomInt(1 << 30, 2 ** 31);
  const { head, body } = outerRequest(vector, { open, inner: innerRequests(open, { id, laboratory }) });
  const transcript = keepTranscript(laboratory);
  try {
    const isHead = vector.method === "HEAD";
    // A server that waits for the body answers nothing before.
    const begun = transcript.answered(AbortSignal.any([signal, timeoutSignal(lateMs)]));
    const status =
      vector.isLate === true
        ? await sendBytes(route, { bytes: head, rest: begun.then(() => body), isHead, signal })
        : await sendBytes(route, { bytes: Buffer.concat([head, body]), isHead, signal });
    // What is asked next comes behind it on the same connection, so the answers to both are there when these are.
    for (let more = 0; more < 2; more += 1) await sendBytes(route, { bytes: ordinaryRequest(open), signal });
    const unasked = transcript.unasked().filter((answer) => !isComplaint(answer));
    // By its id an answer is known also where it went to somebody else.
    const tools = [...new Set(transcript.answers().flatMap((answer) => toolsIn(answer, id)))];
    return {
      url: route.url.href,
      label: vector.label,
      sighting: sightingOf(status, tools),
      hole:
        unasked.length === 0 || tools.length > 0
          ? undefined
          : `gets a request answered that stands in a body, when it sends ${vector.label}`,
      reproduce: () => reproduction(vector, { open, body }),
    };
  } finally {
    transcript.stop();
  }
}

/** Who takes the rest of a body for a request that it cannot read, and hangs up, has let nobody in. */
function isComplaint(answer: string): boolean {
  return /^HTTP\/1\.[01] (?:400|408|431|501|505)/.test(answer);
}

function toolsIn(answer: string, id: number): readonly string[] {
  const said = readAnswer(bodyOf(answer), id);
  return said?.kind === "result" ? toolNames(said.result) : [];
}

function sightingOf(status: number | undefined, tools: readonly string[]): Sighting {
  const base = { ...nothingSeen, opening: "none", opened: false, tools } as const;
  return status === undefined
    ? { ...base, kind: "broken", reason: "no whole answer" }
    : { ...base, kind: "foreign", status, reason: `HTTP ${status}` };
}

/** As tailscaled would write them for somebody of the tailnet. */
function innerRequests(
  open: OpenApproach,
  { id, laboratory }: { readonly id: number; readonly laboratory: Laboratory },
): string {
  const { login, address } = laboratory.insider;
  const { inside, route } = open;
  const host = `${inside.tailnetHost}:${inside.port}`;
  const marks = asSomebody({ ...inside, login }).headers.filter(([name]) => !/funnel/i.test(name));
  const forwarded: readonly Header[] = [
    ["X-Forwarded-For", address],
    ["X-Forwarded-Host", host],
    ["X-Forwarded-Proto", "https"],
  ];
  return [initializeMessage(), legacyMessage("tools/list", {}, []), modernMessage("tools/list", {})]
    .map((message) => written(message, { path: route.url.pathname, host, id, headers: [...forwarded, ...marks] }))
    .join("");
}

function written(
  { body, headers }: McpMessage,
  request: { readonly path: string; readonly host: string; readonly id: number; readonly headers: readonly Header[] },
): string {
  const text = String(body).replace('"id":1', `"id":${request.id}`);
  const lines: readonly Header[] = [
    ["Host", request.host],
    ["User-Agent", userAgent],
    ["Content-Length", String(Buffer.byteLength(text))],
    ["Accept", "application/json, text/event-stream"],
    ["Content-Type", "application/json"],
    ...headers,
    ...request.headers,
  ];
  return `POST ${request.path} HTTP/1.1\r\n${linesOf(lines)}\r\n${text}`;
}

function outerRequest(
  vector: Vector,
  { open, inner }: { readonly open: OpenApproach; readonly inner: string },
): { readonly head: Buffer; readonly body: Buffer } {
  const { url } = open.route;
  const { method, path = `${url.pathname}${url.search}`, headers = [], isChunked = false } = vector;
  const bytes = bodyWith(vector, inner);
  const body = isChunked
    ? Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n0\r\n\r\n")])
    : bytes;
  const names = new Set(headers.map(([name]) => name));
  const usual: readonly Header[] = [
    ["Host", url.host],
    ["User-Agent", userAgent],
    ["Accept", method === "POST" ? "application/json, text/event-stream" : "application/json"],
    ["Content-Type", "application/json"],
    isChunked ? ["Transfer-Encoding", "chunked"] : ["Content-Length", String(bytes.length)],
  ];
  const lines = [...usual.filter(([name]) => !names.has(name)), ...headers];
  return { head: Buffer.from(`${method} ${path} HTTP/1.1\r\n${linesOf(lines)}\r\n`), body };
}

function bodyWith({ before = "", at = [] }: Vector, inner: string): Buffer {
  const [last] = at.slice(-1);
  if (last === undefined) return Buffer.from(before + inner);
  const body = Buffer.alloc(last + inner.length, " ");
  // From the last to the first, so that where two overlap the earlier one is whole.
  for (const place of at.toReversed()) body.write(inner, place);
  return body;
}

function ordinaryRequest({ route }: OpenApproach): Buffer {
  const { url } = route;
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
  const lines: readonly Header[] = [
    ["Host", url.host],
    ["User-Agent", userAgent],
    ["Accept", "application/json, text/event-stream"],
    ["Content-Type", "application/json"],
    ["Content-Length", String(body.length)],
  ];
  return Buffer.from(`POST ${url.pathname}${url.search} HTTP/1.1\r\n${linesOf(lines)}\r\n${body}`);
}

function linesOf(headers: readonly Header[]): string {
  return headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
}

/** A long body is shown by its beginning. */
function reproduction(vector: Vector, { open, body }: { readonly open: OpenApproach; readonly body: Buffer }): string {
  const { route } = open;
  const { method, path = route.url.pathname, headers = [], isChunked = false } = vector;
  const shown = body
    .toString("latin1", 0, 2_000)
    .replaceAll("\\", "\\\\")
    .replaceAll("\r", "\\r")
    .replaceAll("\n", "\\n");
  const framing: readonly Header[] = isChunked ? [["Transfer-Encoding", "chunked"]] : [];
  const all: readonly Header[] = [["Content-Type", "application/json"], ...framing, ...headers];
  return [
    `printf '%b' ${shellQuote(shown)} | curl -sS -i -m 10 --http1.1 -X ${method}`,
    ...route.curl,
    ...all.map((header) => `-H ${shellQuote(header.join(": "))}`),
    `--data-binary @- ${shellQuote(`${route.url.origin}${path}`)}`,
  ].join(" ");
}
