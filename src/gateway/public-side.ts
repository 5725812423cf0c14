import type { IncomingMessage, ServerResponse } from "node:http";
import type { Counters } from "./counters.ts";
import { type Head, type HeadDefect, isJsonBody, readHead } from "./head.ts";
import { readIncoming } from "./incoming.ts";
import type { Pace } from "./pace.ts";
import { type PlainAnswer, publicAnswer, publicRefusal } from "./public-view.ts";
import { readBody } from "./read-body.ts";
import { sendPlain } from "./reply.ts";

/** More than any `initialize`; the internet has nothing longer to say. */
const maxBodyBytes = 64 * 1024;

/** How the public side answers: by itself, at its own pace, whatever is asked for on whatever path. */
export interface PublicSide {
  readonly pace: Pace;
  readonly counters: Counters;
}

/** Answers a request of the public listener. */
export function answerPublic(request: IncomingMessage, response: ServerResponse, side: PublicSide): void {
  // A fault of ours costs one request, and tells nothing.
  answerAsPublic({ request, response, head: readHead(request) }, side).catch(() => void response.destroy());
}

/** Answers a request as the internet is answered. */
export async function answerAsPublic(
  { request, response, head }: { request: IncomingMessage; response: ServerResponse; head: Head | HeadDefect },
  { pace, counters }: PublicSide,
): Promise<void> {
  const turn = pace.turn();
  const isIn = turn === true || (turn !== false && (await turn));
  const answer = !isIn
    ? publicRefusal(429)
    : "status" in head
      ? publicRefusal(head.status)
      : await answerTo(request, head);
  counters.count("public", answer?.status ?? 0);
  if (answer === undefined) response.destroy();
  else if (request.readableEnded) sendPlain(response, { ...answer, headers: allowed(answer) });
  else refuse(request, response, answer.status);
}

const tooLarge: PlainAnswer = publicRefusal(413);

async function answerTo(request: IncomingMessage, head: Head): Promise<PlainAnswer | undefined> {
  const body = await readBody(request, maxBodyBytes);
  if (body.kind === "broken") return undefined;
  if (body.kind === "too-large") return tooLarge;
  if (head.method !== "POST") return publicRefusal(405);
  if (!isJsonBody(head)) return publicRefusal(415);
  return publicAnswer(readIncoming(body.bytes));
}

/** Refuses a request whose body was not read, so the connection can carry no other. */
export function refuse(request: IncomingMessage, response: ServerResponse, status: number): void {
  const answer = publicRefusal(status);
  sendPlain(response, { ...answer, headers: { ...allowed(answer), connection: "close" } });
  response.once("finish", () => request.destroy());
}

function allowed({ status }: PlainAnswer): Readonly<Record<string, string>> {
  return status === 405 ? { allow: "POST" } : {};
}
