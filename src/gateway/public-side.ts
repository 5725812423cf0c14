import type { IncomingMessage, ServerResponse } from "node:http";
import { type Head, type HeadDefect, isJsonBody, readHead } from "./head.ts";
import { type Incoming, messagesOf, readIncoming } from "./incoming.ts";
import type { Journal, Note } from "./journal/journal.ts";
import type { Pace } from "./pace.ts";
import type { PublicTools } from "./public/public-tools.ts";
import { type PlainAnswer, publicAnswer, publicRefusal } from "./public-view.ts";
import { type Body, readBody } from "./read-body.ts";
import { sendPlain } from "./reply.ts";

/** More than any `initialize`; the internet has nothing longer to say. */
export const maxPublicBodyBytes = 64 * 1024;

/** Past this callers wait their turn. */
export const publicPace = { perSecond: 400, burst: 100, maxWaiting: 400 };

/** How the public side answers: by itself, at its own pace, whatever is asked for on whatever path. */
export interface PublicSide {
  readonly pace: Pace;
  /** Undefined where nothing is opened, as it should be. */
  readonly tools: () => PublicTools | undefined;
  readonly journal: Journal;
}

/** Answers a request of the public listener; `body` is there where somebody has read it already. */
export function answerPublic(request: IncomingMessage, response: ServerResponse, side: PublicSide, body?: Body): void {
  // A fault of ours costs one request, and tells nothing.
  const head = readHead(request);
  const note = side.journal.begin("public", request, response);
  const path = "status" in head ? "" : head.path;
  answerAsPublic({ request, response, head, path, note, body }, side).catch(() => void response.destroy());
}

export interface PublicRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly head: Head | HeadDefect;
  /** As the public listener has it. */
  readonly path: string;
  readonly note: Note;
  readonly body?: Body | undefined;
}

/** Answers a request as the internet is answered. */
export async function answerAsPublic(asked: PublicRequest, { pace, tools }: PublicSide): Promise<void> {
  const { request, response, head, note } = asked;
  note.asPublic();
  const { method, headers } = request;
  const isIn = await takeTurn(pace, { method, length: headers["content-length"] });
  const answer = !isIn
    ? publicRefusal(429)
    : "status" in head
      ? publicRefusal(head.status)
      : await answerTo({ ...asked, head }, tools());
  if (answer === undefined) response.destroy();
  else if (request.readableEnded)
    sendPlain(response, { status: answer.status, body: textOf(answer), headers: allowed(answer) });
  else refuse(request, response, answer.status);
}

/** Resolves at the turn of a request; false where too many wait already. */
export async function takeTurn(pace: Pace, asked: AskedLength): Promise<boolean> {
  const turn = pace.turn(costOf(asked));
  const isIn = turn === true || (turn !== false && (await turn));
  if (!isIn) await pace.refusal();
  return isIn;
}

interface AskedLength {
  readonly method: string | undefined;
  /** As the header says. */
  readonly length: string | undefined;
}

/** A body of this size takes as long to read as all the rest of a request. */
const bytesPerTurn = 8 * 1024;

/** Whoever does not say how long the body is may send the longest. */
function costOf({ method, length }: AskedLength): number {
  if (method !== "POST") return 1;
  const bytes = length === undefined ? maxPublicBodyBytes : Number(length);
  return 1 + Math.floor(Math.min(Number.isNaN(bytes) ? maxPublicBodyBytes : bytes, maxPublicBodyBytes) / bytesPerTurn);
}

async function answerTo(
  { request, response, head, path, note, body }: PublicRequest & { readonly head: Head },
  tools: PublicTools | undefined,
): Promise<PlainAnswer | undefined> {
  const read = readPublic(head, body ?? (await readBody(request, maxPublicBodyBytes)));
  if (read.kind === "broken") return undefined;
  if (read.kind === "refused") return read.answer;
  const { incoming, bytes } = read;
  note.asked(messagesOf(incoming), bytes);
  const signal = (): AbortSignal => signalOf(response);
  const answer =
    tools === undefined ? publicAnswer(incoming) : await tools.answer({ path, head, incoming, note, signal });
  if (answer.isRefusal === true) note.denied("public view");
  return answer;
}

type PublicRead =
  | { readonly kind: "message"; readonly incoming: Incoming; readonly bytes: number }
  | { readonly kind: "refused"; readonly answer: PlainAnswer }
  | { readonly kind: "broken" };

/** Returns what the internet asks, or the answer to what is no question. */
export function readPublic(head: Head, body: Body): PublicRead {
  if (body.kind === "broken") return body;
  if (body.kind === "too-large") return refused(413);
  if (head.method !== "POST") return refused(405);
  if (!isJsonBody(head)) return refused(415);
  return { kind: "message", incoming: readIncoming(body.bytes), bytes: body.bytes.length };
}

function refused(status: number): PublicRead {
  return { kind: "refused", answer: publicRefusal(status) };
}

/** Aborted when the caller has gone. */
export function signalOf(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => gone.abort("the caller has gone"));
  return gone.signal;
}

/** Refuses a request whose body was not read, so the connection can carry no other. */
export function refuse(request: IncomingMessage, response: ServerResponse, status: number): void {
  const answer = publicRefusal(status);
  sendPlain(response, { status, body: textOf(answer), headers: { connection: "close", ...allowed(answer) } });
  response.once("finish", () => request.destroy());
}

/** What is one text takes one write, with the head. */
function textOf({ body }: PlainAnswer): string | undefined {
  return body?.toString("utf8");
}

function allowed({ status }: PlainAnswer): Readonly<Record<string, string>> {
  return status === 405 ? { allow: "POST" } : {};
}
