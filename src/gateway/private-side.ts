import type { IncomingMessage, ServerResponse } from "node:http";
import { modernVersionOf } from "../mcp/era.ts";
import { errorText, idOfRemnant } from "../mcp/message.ts";
import { bareAnswer } from "./bare-view.ts";
import { type Belief, believe } from "./believe.ts";
import { type Head, isForeignPage, isJsonBody, readHead } from "./head.ts";
import { type Incoming, messagesOf, readIncoming } from "./incoming.ts";
import type { Note } from "./journal/journal.ts";
import { answerDelete, answerGet, answerLegacy } from "./legacy.ts";
import { answerModern } from "./modern.ts";
import type { OpenAnswers } from "./open-answers.ts";
import { answerAsPublic, type PublicSide, refuse, signalOf } from "./public-side.ts";
import { readBody } from "./read-body.ts";
import { sendPlain } from "./reply.ts";
import { type Front, type Served, type Visit, viewOf } from "./visit.ts";

/** Agents send files as arguments; a message past this is none that an upstream would take. */
const maxBodyBytes = 32 * 1024 * 1024;

export interface PrivateSide extends PublicSide {
  readonly front: Front;
  /** Before every path: a secret where the listener is a port that others can reach too, else empty. */
  readonly prefix: string;
  readonly upstreams: ReadonlyMap<string, Served>;
  readonly open: OpenAnswers;
  readonly allowedOrigins: () => readonly string[];
}

/** Answers a request of the private listener: the tailnet view for an identified caller, the public one for everybody else. */
export function answerPrivate(request: IncomingMessage, response: ServerResponse, side: PrivateSide): void {
  const head = readHead(request);
  const note = side.journal.begin("private", request, response);
  if ("status" in head) {
    note.denied(head.reason);
    refuse(request, response, head.status);
    return;
  }
  // A fault of ours costs one request, and tells nothing.
  const cut = (): void => void response.destroy();
  if (!head.path.startsWith(`${side.prefix}/`)) {
    answerAsPublic({ request, response, head, path: "", note }, side).catch(cut);
    return;
  }
  const belief = believe(head, side.front.identities, () => signalOf(response));
  if (belief instanceof Promise) {
    belief.then((late) => answer({ request, response, head, belief: late, note }, side)).catch(cut);
  } else answer({ request, response, head, belief, note }, side).catch(cut);
}

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly head: Head;
  readonly belief: Belief;
  readonly note: Note;
}

async function answer({ request, response, head, belief, note }: Asked, side: PrivateSide): Promise<void> {
  const path = head.path.slice(side.prefix.length);
  if (belief.kind === "public") return answerAsPublic({ request, response, head, path, note }, side);
  // Who calls cannot be told now, which says nothing of who calls.
  const deny = (status: number, rule: string): void => {
    note.denied(rule);
    refuse(request, response, status);
  };
  if (belief.kind === "unknown") return deny(503, "tailscaled does not tell who calls");
  const { allowedOrigins, front } = side;
  const { caller, address } = belief;
  note.visitor(caller);
  if (isForeignPage(head, { allowedOrigins: allowedOrigins(), ownName: front.identities.ownName() }))
    return deny(403, "a page of somebody else");
  const served = servedAt(path, side.upstreams);
  if (served === undefined) return deny(404, "no such upstream");
  const visit: Visit = { head, response, caller, address, served, front, note };
  note.visitor(caller, served.upstream.name);
  const isBare = !caller.rightsOn(served.upstream.name).some;
  if (head.method !== "POST") {
    request.resume();
    if (isBare) return deny(405, "no rule, no grant");
    if (head.method === "GET") {
      side.open.add(response, served, "stream");
      note.stream();
    }
    return head.method === "GET" ? answerGet(visit) : answerDelete(visit);
  }
  if (!isJsonBody(head)) return deny(415, "the body is no JSON");
  side.open.add(response, served, "call");
  const body = await readBody(request, maxBodyBytes);
  if (body.kind === "broken") return;
  if (body.kind === "too-large") {
    note.denied("the body is too large");
    return refuseLarge(request, response, body.head);
  }
  const incoming = readIncoming(body.bytes);
  note.asked(messagesOf(incoming), body.bytes.length);
  if (isListening(incoming)) {
    side.open.add(response, served, "stream");
    note.stream();
  }
  answerPost(visit, incoming, isBare);
}

function answerPost(visit: Visit, incoming: Incoming, isBare: boolean): void {
  const { response, note } = visit;
  if (incoming.kind === "invalid") {
    const { id, code, reason } = incoming;
    note.denied("no valid message");
    sendPlain(response, { status: 400, body: errorText(id, { code, message: reason }) });
    return;
  }
  const messages = incoming.kind === "one" ? [incoming.message] : incoming.messages;
  if (incoming.kind === "batch" && messages.some((message) => modernVersionOf(message) !== undefined)) {
    note.denied("no valid message");
    sendPlain(response, { status: 400, body: errorText(null, { code: -32600, message: "a batch is not allowed" }) });
    return;
  }
  if (incoming.kind === "batch") {
    answerLegacy(visit, incoming);
    return;
  }
  const { message } = incoming;
  if (isBare) {
    sendPlain(response, bareAnswer(message, viewOf(visit, visit.caller)));
    return;
  }
  const version = modernVersionOf(message);
  if (version === undefined) answerLegacy(visit, incoming);
  else if (message.kind === "request") answerModern(visit, message, version);
  // A modern caller says nothing of its own accord that a server would have to know.
  else sendPlain(response, { status: 202 });
}

/** The stream of the modern era, which is a POST. */
function isListening(incoming: Incoming): boolean {
  return incoming.kind === "one" && incoming.message.kind === "request" && incoming.message.method === listening;
}

const listening = "subscriptions/listen";

/** Byte for byte: a path that has to be read twice to be understood is none of ours. */
function servedAt(path: string, upstreams: ReadonlyMap<string, Served>): Served | undefined {
  if (path.startsWith("/mcp/")) return upstreams.get(path.slice("/mcp/".length));
  if (path !== "/mcp" || upstreams.size !== 1) return undefined;
  const [only] = upstreams.values();
  return only;
}

function refuseLarge(request: IncomingMessage, response: ServerResponse, head: Buffer): void {
  const message = `the message is larger than ${maxBodyBytes} bytes`;
  const body = errorText(idOfRemnant(head, Buffer.alloc(0)), { code: -32600, message });
  sendPlain(response, { status: 413, body, headers: { connection: "close" } });
  response.once("finish", () => request.destroy());
}
