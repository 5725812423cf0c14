import { envelopeDefect, modernVersion } from "../mcp/era.ts";
import { errorText, type RequestMessage, type ResponseMessage, type RpcError } from "../mcp/message.ts";
import { accepts } from "./head.ts";
import { headerDefect, headerMismatch, paramDefect, versionDefect } from "./mcp-headers.ts";
import { type PlainAnswer, unsupportedVersion } from "./public-view.ts";
import { createReply, sendPlain } from "./reply.ts";
import { invalidParams, methodNotFound, screenRequest } from "./screen-request.ts";
import { errorAnswer } from "./upstream/upstream.ts";
import { tellSubscribedChanges } from "./view-change.ts";
import { createDelivery, internalError, screenAnswer, type Visit, viewOf, writtenFor } from "./visit.ts";

/** Answers a POST of the modern era, which is one request and belongs to nothing before it. */
export function answerModern(visit: Visit, request: RequestMessage, version: string): void {
  const { response, note } = visit;
  const defect = modernDefect(visit, request, version);
  if (defect !== undefined) {
    note.denied("head and body are no valid request");
    sendPlain(response, defect);
  } else carry(visit, request).catch(() => void response.destroy());
}

/** In this order: a version is told to be unknown only where it is certain which one is asked for. */
function modernDefect({ head, served }: Visit, request: RequestMessage, version: string): PlainAnswer | undefined {
  const mismatch = versionDefect(head, version);
  if (version !== modernVersion && (mismatch === undefined || head.protocolVersion === undefined)) {
    return unsupportedVersion(request.id, version);
  }
  const { paramHeaders } = served.learnt;
  const defect =
    mismatch ??
    headerDefect(head, request) ??
    (request.method === "tools/call" ? paramDefect(head, request, paramHeaders) : undefined);
  if (defect !== undefined) return refusal(request, { code: headerMismatch, message: `Bad Request: ${defect}` });
  const lack = envelopeDefect(request);
  return lack === undefined ? undefined : refusal(request, invalidParams(lack));
}

function refusal({ id }: RequestMessage, error: RpcError): PlainAnswer {
  return { status: 400, body: errorText(id, error) };
}

async function carry(visit: Visit, request: RequestMessage): Promise<void> {
  const { caller, served, response, head } = visit;
  const screened = screenRequest(request, "modern", viewOf(visit, caller));
  if (screened.kind === "refused") {
    visit.note.answered(request, screened);
    const status = screened.error === methodNotFound ? 404 : 200;
    return sendPlain(response, { status, body: errorText(request.id, screened.error) });
  }
  const takesStream = accepts(head, "text/event-stream");
  const isStream = request.method === "subscriptions/listen" || !accepts(head, "application/json");
  const reply = createReply(response, { takesStream, begin: takesStream && isStream ? "stream" : "json" });
  const delivery = createDelivery(visit, reply);
  const isListening = request.method === "subscriptions/listen";
  const onMessage = isListening
    ? tellSubscribedChanges(visit, { ...delivery, request, reply })
    : delivery.duringRequest(request, "modern");
  let answer: ResponseMessage;
  try {
    const call = { caller, signal: reply.signal, onMessage };
    answer = await served.upstream.request(visit.note.passedOn(request, screened.request), call);
  } catch {
    answer = errorAnswer(request.id, internalError);
  }
  delivery.settle((view) => {
    const seen = screenAnswer(answer, { request, asked: caller, era: "modern", view });
    visit.note.answered(request, seen.outcome);
    reply.finish(statusOf(seen), writtenFor(visit, seen));
  });
}

/** Source: MCP 2026-07-28 basic/transports: what the transport itself refuses has a status of its own. */
function statusOf({ outcome }: ResponseMessage): number {
  if (!("error" in outcome)) return 200;
  const { code } = outcome.error;
  if (code === methodNotFound.code) return 404;
  return [-32020, -32021, -32022].includes(code) ? 400 : 200;
}
