import { modernVersion } from "../mcp/era.ts";
import { errorText, messageJson, type RequestMessage, type ResponseMessage } from "../mcp/message.ts";
import { accepts } from "./head.ts";
import { headerDefect, headerMismatch, paramDefect } from "./mcp-headers.ts";
import { unsupportedVersion } from "./public-view.ts";
import { createReply, sendPlain } from "./reply.ts";
import { methodNotFound, screenRequest } from "./screen-request.ts";
import { errorAnswer } from "./upstream/upstream.ts";
import { tellSubscribedChanges } from "./view-change.ts";
import { createDelivery, internalError, screenAnswer, type Visit, viewOf } from "./visit.ts";

/** Answers a POST of the modern era, which is one request and belongs to nothing before it. */
export function answerModern(visit: Visit, request: RequestMessage, version: string): void {
  const { response, head } = visit;
  if (version !== modernVersion) {
    sendPlain(response, unsupportedVersion(request.id, version));
    return;
  }
  const { paramHeaders } = visit.served.learnt;
  const isCall = request.method === "tools/call";
  const defect =
    headerDefect(head, request, version) ?? (isCall ? paramDefect(head, request, paramHeaders) : undefined);
  if (defect !== undefined) {
    const error = { code: headerMismatch, message: `Bad Request: ${defect}` };
    sendPlain(response, { status: 400, body: errorText(request.id, error) });
    return;
  }
  carry(visit, request).catch(() => void response.destroy());
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
  const onMessage = isListening ? tellSubscribedChanges(visit, { ...delivery, request, reply }) : delivery.onMessage;
  let answer: ResponseMessage;
  try {
    const call = { caller, signal: reply.signal, onMessage };
    answer = await served.upstream.request(screened.request, call);
  } catch {
    answer = errorAnswer(request.id, internalError);
  }
  delivery.settle((view) => {
    const seen = screenAnswer(answer, { request, asked: caller, era: "modern", view });
    visit.note.answered(request, seen.outcome);
    reply.finish(statusOf(seen), messageJson(seen));
  });
}

/** Source: MCP 2026-07-28 basic/transports: what the transport itself refuses has a status of its own. */
function statusOf({ outcome }: ResponseMessage): number {
  if (!("error" in outcome)) return 200;
  const { code } = outcome.error;
  if (code === methodNotFound.code) return 404;
  return [-32020, -32021, -32022].includes(code) ? 400 : 200;
}
