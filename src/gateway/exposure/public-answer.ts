import type { IncomingMessage, ServerResponse } from "node:http";
import { isJsonBody } from "../head.ts";
import { readIncoming } from "../incoming.ts";
import type { Journal, Note } from "../journal/journal.ts";
import { answerPublic, maxPublicBodyBytes, type PublicSide, refuse } from "../public-side.ts";
import { type PlainAnswer, publicAnswer, publicRefusal } from "../public-view.ts";
import { headOf } from "./request-head.ts";
import type { Refusal } from "./seen.ts";

/** Answers as the gateway answers the internet, or with the refusal. */
export function answerNode(
  { request, response, refusal }: { request: IncomingMessage; response: ServerResponse; refusal: Refusal | undefined },
  side: PublicSide,
): void {
  if (refusal === undefined) answerPublic(request, response, side);
  else refuse(request, response, refusal.status);
}

/** Returns what the gateway answers the internet, or the refusal. */
export async function answerWeb(
  request: Request,
  refusal: Refusal | undefined,
  { pace }: PublicSide,
): Promise<Response> {
  const turn = pace.turn();
  const isIn = turn === true || (turn !== false && (await turn));
  if (!isIn) return toResponse(publicRefusal(429));
  return toResponse(refusal === undefined ? await answerTo(request) : publicRefusal(refusal.status));
}

async function answerTo(request: Request): Promise<PlainAnswer> {
  const head = headOf(request);
  if ("status" in head) return publicRefusal(head.status);
  if (head.method !== "POST") return publicRefusal(405);
  if (!isJsonBody(head)) return publicRefusal(415);
  const bytes = await bodyOf(request);
  return bytes === undefined ? publicRefusal(413) : publicAnswer(readIncoming(bytes));
}

/** Undefined for a body over the limit. */
async function bodyOf({ body }: Request): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    // Leaving the loop cancels the stream.
    if (size > maxPublicBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function toResponse({ status, body }: PlainAnswer): Response {
  const headers = new Headers({ "cache-control": "no-store" });
  if (status === 405) headers.set("allow", "POST");
  if (body === undefined) return new Response(null, { status, headers });
  headers.set("content-type", "application/json");
  return new Response(new Uint8Array(body), { status, headers });
}

const quiet = (): void => {};
const silentNote: Note = {
  asPublic: quiet,
  visitor: quiet,
  opened: quiet,
  denied: quiet,
  asked: quiet,
  passedOn: (_, screened) => screened,
  answered: quiet,
  failed: quiet,
  stream: quiet,
};

/** The library tells nobody. */
export const noJournal: Journal = {
  begin: () => silentNote,
};
