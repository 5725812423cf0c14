import type { IncomingMessage, ServerResponse } from "node:http";
import type { Journal, Note } from "../journal/journal.ts";
import { answerPublic, maxPublicBodyBytes, type PublicSide, readPublic, refuse, takeTurn } from "../public-side.ts";
import { type PlainAnswer, publicAnswer, publicRefusal } from "../public-view.ts";
import type { Body } from "../read-body.ts";
import { headOf } from "./request-head.ts";
import type { Refusal } from "./seen.ts";

/** What a framework has made of the body; undefined where nobody has read it. */
export interface AskedNode {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly refusal: Refusal | undefined;
  readonly parsedBody: unknown;
}

/** Answers as the gateway answers the internet, or with the refusal. */
export function answerNode({ request, response, refusal, parsedBody }: AskedNode, side: PublicSide): void {
  if (refusal === undefined) answerPublic(request, response, side, bodyBefore(request, parsedBody));
  else refuse(request, response, refusal.status);
}

/** Undefined where the request has its body still. What was read of it comes no second time, so nobody may wait for it. */
function bodyBefore(request: IncomingMessage, parsedBody: unknown): Body | undefined {
  const parsed = parsedBody ?? ("body" in request ? request.body : undefined);
  return parsedBody === undefined && !request.readableEnded ? undefined : bodyOfParsed(parsed);
}

/** Returns what the gateway answers the internet, or the refusal. */
export async function answerWeb(
  { request, refusal, parsedBody }: Pick<AskedNode, "refusal" | "parsedBody"> & { readonly request: Request },
  { pace }: PublicSide,
): Promise<Response> {
  const { method, headers } = request;
  if (!(await takeTurn(pace, { method, length: headers.get("content-length") ?? undefined })))
    return toResponse(publicRefusal(429));
  const head = refusal ?? headOf(request);
  if ("status" in head) return toResponse(publicRefusal(head.status));
  const isRead = parsedBody !== undefined || request.bodyUsed;
  const read = readPublic(head, isRead ? bodyOfParsed(parsedBody) : await bodyOf(request));
  if (read.kind === "broken") return toResponse(publicRefusal(400));
  return toResponse(read.kind === "refused" ? read.answer : publicAnswer(read.incoming));
}

/** As it came, or as whatever parsed it would write it. */
function bodyOfParsed(parsed: unknown): Body {
  const bytes =
    parsed instanceof Uint8Array
      ? Buffer.from(parsed)
      : Buffer.from(typeof parsed === "string" ? parsed : json(parsed));
  return bytes.length > maxPublicBodyBytes ? { kind: "too-large", head: bytes } : { kind: "whole", bytes };
}

/** What is no JSON is no message either. */
function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "";
  }
}

async function bodyOf({ body }: Request): Promise<Body> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body ?? []) {
      size += chunk.byteLength;
      // Leaving the loop cancels the stream.
      if (size > maxPublicBodyBytes) return { kind: "too-large", head: Buffer.alloc(0) };
      chunks.push(chunk);
    }
  } catch {
    return { kind: "broken" };
  }
  return { kind: "whole", bytes: Buffer.concat(chunks) };
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
