import type { IncomingMessage, ServerResponse } from "node:http";
import type { Counters } from "./counters.ts";
import { type Head, isJsonBody, readHead } from "./head.ts";
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
  const head = readHead(request);
  if ("status" in head) {
    side.counters.count("public", head.status);
    refuse(request, response, head.status);
    return;
  }
  void answerAsPublic({ request, response, head }, side);
}

/** Answers a request whose head is in order as the internet is answered. */
export async function answerAsPublic(
  { request, response, head }: { request: IncomingMessage; response: ServerResponse; head: Head },
  { pace, counters }: PublicSide,
): Promise<void> {
  const turn = pace.turn();
  if (turn === false || !(turn === true || (await turn))) return refuse(request, response, 429);
  const answer = await answerTo(request, head);
  counters.count("public", answer?.status ?? 0);
  if (answer === undefined) response.destroy();
  else if (answer === tooLarge) refuse(request, response, answer.status);
  else sendPlain(response, answer);
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
  const allow = status === 405 ? { allow: "POST" } : {};
  sendPlain(response, { ...publicRefusal(status), headers: { ...allow, connection: "close" } });
  response.once("finish", () => request.destroy());
}
