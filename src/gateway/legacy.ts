import { isModernVersion, legacyVersions } from "../mcp/era.ts";
import { stringAt } from "../mcp/json.ts";
import { errorText, type Message, type MessageId, type RequestMessage, type ResponseMessage } from "../mcp/message.ts";
import { accepts, twice } from "./head.ts";
import type { Incoming } from "./incoming.ts";
import { legacyHeaderDefect } from "./mcp-headers.ts";
import { versionFor } from "./public-view.ts";
import { createReply, type Reply, sendPlain } from "./reply.ts";
import { screenNotification, screenRequest, screenResponse } from "./screen-request.ts";
import { screenResult } from "./screen-result.ts";
import type { Session } from "./sessions.ts";
import { errorAnswer, type OnMessage } from "./upstream/upstream.ts";
import { bindingOf } from "./view.ts";
import { tellViewChanges } from "./view-change.ts";
import { createDelivery, internalError, screenAnswer, type Visit, viewOf, writtenFor } from "./visit.ts";

/** Versions from here on have no batches. Source: MCP 2025-06-18, changelog. */
const firstWithoutBatches = "2025-06-18";

/** Answers a POST of the legacy era. */
export function answerLegacy(visit: Visit, incoming: Incoming & { readonly kind: "one" | "batch" }): void {
  const messages = incoming.kind === "one" ? [incoming.message] : incoming.messages;
  const [first] = messages;
  if (incoming.kind === "one" && first?.kind === "request" && first.method === "initialize") {
    void open(visit, first);
    return;
  }
  const found = sessionOf(visit);
  if (!("session" in found)) {
    refuse(visit, found.status, { ...found, id: idOf(first) });
    return;
  }
  if (incoming.kind === "batch" && found.session.protocolVersion >= firstWithoutBatches) {
    refuse(visit, 400, { code: -32600, message: `version ${found.session.protocolVersion} has no batches` });
    return;
  }
  const defect = messages.map((message) => messageDefect(visit, message)).find((text) => text !== undefined);
  if (defect !== undefined) {
    refuse(visit, 400, { code: -32600, message: defect, id: idOf(first) });
    return;
  }
  converse(visit, found.session, { messages, isBatch: incoming.kind === "batch" });
}

/** Opens the stream on which the server speaks of its own accord. */
export function answerGet(visit: Visit): void {
  if (!accepts(visit.head, "text/event-stream")) {
    refuse(visit, 406, { code: -32000, message: "Not Acceptable: the answer is text/event-stream" });
    return;
  }
  const found = sessionOf(visit);
  if (!("session" in found)) {
    refuse(visit, found.status, found);
    return;
  }
  const { lastEventId } = visit.head;
  const after =
    typeof lastEventId === "string"
      ? visit.front.sealer.open(lastEventId, "event", bindingOf(viewOf(visit, visit.caller)))
      : undefined;
  const reply = createReply(visit.response, { takesStream: true, begin: "stream" });
  const { onMessage } = createDelivery(visit, reply);
  tellViewChanges(visit, reply);
  found.session.session.listen({ onMessage, signal: reply.signal, after }).then(
    // A server without such a stream may get one later; and the caller would only ask again and again.
    (end) => end === "ended" && reply.cut(),
    () => reply.cut(),
  );
}

export async function answerDelete(visit: Visit): Promise<void> {
  const found = sessionOf(visit);
  if (!("session" in found)) return refuse(visit, found.status, found);
  await visit.front.sessions.end(found.session).catch(() => {});
  sendPlain(visit.response, { status: 200 });
}

async function open(visit: Visit, request: RequestMessage): Promise<void> {
  const { caller, served, front, response, note } = visit;
  const { upstream } = served;
  const { _meta, protocolVersion, capabilities, clientInfo } = request.params ?? {};
  const params = { protocolVersion, capabilities, clientInfo, ...(_meta === undefined ? {} : { _meta }) };
  const reply = createReply(response, { takesStream: false, begin: "json" });
  const { onMessage } = createDelivery(visit, reply);
  try {
    const opening = await upstream.open(note.passedOn(request, { ...request, params }), {
      caller,
      signal: reply.signal,
      onMessage,
    });
    if (opening.kind === "refused") note.answered(request, opening);
    if (opening.kind === "refused") return reply.finish(200, writtenFor(visit, errorAnswer(request.id, opening.error)));
    const { result, session } = opening;
    const agreed = stringAt(result, "protocolVersion") ?? versionFor(request.params);
    const { id } = front.sessions.add(upstream, caller, { session, protocolVersion: agreed });
    if (!response.headersSent) response.setHeader("mcp-session-id", id);
    const view = viewOf(visit, caller);
    const seen = screenResult(request, result, { era: "legacy", view });
    reply.finish(200, writtenFor(visit, { kind: "response", id: request.id, outcome: { result: seen } }));
  } catch {
    note.answered(request, { error: internalError });
    reply.finish(200, writtenFor(visit, errorAnswer(request.id, internalError)));
  }
}

function converse(
  visit: Visit,
  session: Session,
  { messages, isBatch }: { messages: readonly Message[]; isBatch: boolean },
): void {
  const requests: RequestMessage[] = [];
  const view = viewOf(visit, visit.caller);
  for (const message of messages) {
    if (message.kind === "request") requests.push(message);
    else if (message.kind === "response") session.session.respond(screenResponse(message, view));
    else {
      const screened = screenNotification(message, view);
      if (screened !== undefined) session.session.notify(screened);
    }
  }
  if (requests.length === 0) {
    sendPlain(visit.response, { status: 202 });
    return;
  }
  const takesStream = accepts(visit.head, "text/event-stream");
  const takesJson = accepts(visit.head, "application/json");
  if (!takesStream && !takesJson) {
    refuse(visit, 406, {
      code: -32000,
      message: "Not Acceptable: answers are application/json or text/event-stream",
    });
    return;
  }
  const reply = createReply(visit.response, { takesStream, begin: takesJson ? "json" : "stream" });
  const delivery = createDelivery(visit, reply);
  const answers: string[] = [];
  let left = requests.length;
  for (const request of requests) {
    const onMessage = delivery.duringRequest(request, "legacy");
    void ask(visit, session, { request, reply, onMessage }).then((answer) =>
      delivery.settle((view) => {
        const asked = visit.caller;
        const seen = screenAnswer(answer, { request, asked, era: "legacy", view });
        visit.note.answered(request, seen.outcome);
        const text = writtenFor(visit, seen);
        left -= 1;
        if (!isBatch) {
          reply.finish(200, text);
          return;
        }
        answers.push(text);
        if (reply.isStreaming()) {
          // What was answered before the stream began has not been said yet.
          for (const held of answers.splice(0)) reply.event(held);
          if (left === 0) reply.finish(200);
        } else if (left === 0) reply.finish(200, `[${answers.join(",")}]`);
      }),
    );
  }
}

async function ask(
  visit: Visit,
  { session }: Session,
  { request, reply, onMessage }: { request: RequestMessage; reply: Reply; onMessage: OnMessage },
): Promise<ResponseMessage> {
  try {
    const screened = screenRequest(request, "legacy", viewOf(visit, visit.caller));
    if (screened.kind === "refused") return errorAnswer(request.id, screened.error);
    const passed = visit.note.passedOn(request, screened.request);
    return await session.request(passed, { caller: visit.caller, signal: reply.signal, onMessage });
  } catch {
    return errorAnswer(request.id, internalError);
  }
}

type Refusal = { readonly code: number; readonly message: string; readonly id?: MessageId | null };

function sessionOf({ head, front, served, caller }: Visit): { session: Session } | (Refusal & { status: number }) {
  const { sessionId, protocolVersion } = head;
  if (protocolVersion === twice || (protocolVersion !== undefined && !legacyVersions.includes(protocolVersion))) {
    const isModern = typeof protocolVersion === "string" && isModernVersion(protocolVersion);
    const message = isModern ? "the body has no modern envelope" : "the protocol version is not known";
    return { status: 400, code: isModern ? -32602 : -32000, message: `Bad Request: ${message}` };
  }
  if (typeof sessionId !== "string")
    return { status: 400, code: -32000, message: "Bad Request: Mcp-Session-Id header is required" };
  const session = front.sessions.find(sessionId, served.upstream, caller);
  return session === undefined ? { status: 404, code: -32001, message: "Session not found" } : { session };
}

function messageDefect({ head }: Visit, message: Message): string | undefined {
  if (message.kind !== "request") return undefined;
  if (message.method === "initialize") return "a session cannot be initialized again";
  return legacyHeaderDefect(head, message);
}

function idOf(message: Message | undefined): MessageId | null {
  return message?.kind === "request" ? message.id : null;
}

function refuse({ response, note }: Visit, status: number, { code, message, id = null }: Refusal): void {
  note.denied(status === 404 ? "no session of this caller" : "head and body are no valid request");
  sendPlain(response, { status, body: errorText(id, { code, message }) });
}
