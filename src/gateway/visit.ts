import type { ServerResponse } from "node:http";
import type { StopSignal } from "../core/stop.ts";
import { type Message, messageJson, type RequestMessage, type ResponseMessage, type RpcError } from "../mcp/message.ts";
import type { ExactNumbers } from "./exact-numbers.ts";
import type { Head } from "./head.ts";
import { type Caller, callerNow, type Identities } from "./identities.ts";
import type { Note } from "./journal/journal.ts";
import type { Reply } from "./reply.ts";
import { screenNotice } from "./screen-notice.ts";
import { type Era, screenRequest } from "./screen-request.ts";
import { onlyAllowedContents, screenResult } from "./screen-result.ts";
import type { Sealer } from "./seal.ts";
import type { Sessions } from "./sessions.ts";
import type { StreamWatch } from "./stream-watch.ts";
import { errorAnswer, type OnMessage, type Upstream, type UpstreamCaller } from "./upstream/upstream.ts";
import { bindingOf, type Learnt, type View } from "./view.ts";

/** What the private side needs to answer anybody. */
export interface Front {
  readonly identities: Identities;
  readonly sealer: Sealer;
  readonly sessions: Sessions;
  readonly streams: StreamWatch;
  readonly capability: () => string | undefined;
  readonly numbers: ExactNumbers;
}

/** An upstream, and what was learnt of it on the way. */
export interface Served {
  readonly upstream: Upstream;
  readonly learnt: Learnt;
}

/** One request of an identified caller to one upstream. */
export interface Visit {
  readonly head: Head;
  readonly response: ServerResponse;
  readonly caller: Caller;
  readonly address: string;
  readonly served: Served;
  readonly front: Front;
  readonly note: Note;
}

/** Returns the view of whoever has the address now; undefined when that is no longer the caller of the visit. */
export function viewNow(visit: Visit, signal: StopSignal): View | undefined | Promise<View | undefined> {
  const { front, address, caller } = visit;
  return callerNow(front.identities, { address, key: caller.key, signal: () => signal }, (now) => viewOf(visit, now));
}

export function viewOf({ front, served }: Pick<Visit, "front" | "served">, caller: Caller): View {
  return {
    caller,
    upstream: served.upstream.name,
    rights: caller.rightsOn(served.upstream.name),
    capability: front.capability(),
    sealer: front.sealer,
    learnt: served.learnt,
  };
}

/** Brings an upstream's messages to the caller in their order, each as the rights of that moment allow. */
export interface Delivery {
  readonly onMessage: OnMessage;
  /** The same for what a server says while it is at a request: nothing more once the caller may no longer make it. */
  readonly duringRequest: (request: RequestMessage, era: Era) => OnMessage;
  /** Calls `then` once everything before it is delivered, with the view of that moment; not at all for a caller who is gone. */
  settle(then: (view: View) => void): void;
}

export function createDelivery(visit: Visit, reply: Reply): Delivery {
  let queue: Promise<void> | undefined;
  const settle = (then: (view: View) => void): void => {
    const work = (view: View | undefined): void => {
      try {
        if (view === undefined) reply.cut();
        else then(view);
      } catch {
        // What a server sent cannot be written again, such as JSON nested without end.
        reply.cut();
      }
    };
    if (queue === undefined) {
      const now = viewNow(visit, reply.signal);
      if (!(now instanceof Promise)) {
        work(now);
        return;
      }
      queue = now.then(work);
    } else queue = queue.then(async () => work(await viewNow(visit, reply.signal)));
    const last = queue;
    void last.then(() => {
      if (queue === last) queue = undefined;
    });
  };
  const deliver = (view: View, ...[message, eventId]: Parameters<OnMessage>): void => {
    const seen = screenNotice(message, view);
    if (seen === undefined) return;
    const sealed = eventId === undefined ? undefined : view.sealer.seal(eventId, "event", bindingOf(view));
    reply.event(writtenFor(visit, seen), sealed);
  };
  return {
    settle,
    onMessage: (...said) => settle((view) => deliver(view, ...said)),
    duringRequest:
      (request, era) =>
      (...said) =>
        settle((view) => {
          if (view.caller !== visit.caller && screenRequest(request, era, view).kind === "refused") return;
          deliver(view, ...said);
        }),
  };
}

/** Returns a message as it is sent to the caller. */
export function writtenFor({ front }: Visit, message: Message): string {
  return front.numbers.release(messageJson(message));
}

/** Returns the answer as the caller may see it now: its rights may be others than when it asked. */
export function screenAnswer(
  answer: ResponseMessage,
  { request, asked, era, view }: { request: RequestMessage; asked: UpstreamCaller; era: Era; view: View },
): ResponseMessage {
  if (view.caller !== asked) {
    const again = screenRequest(request, era, view);
    if (again.kind === "refused") return errorAnswer(request.id, again.error);
  }
  const { outcome } = answer;
  if ("error" in outcome) return { ...answer, id: request.id };
  const result = screenResult(request, outcome.result, { era, view });
  const shown = request.method === "resources/read" ? onlyAllowedContents(result, { request, view }) : result;
  return { kind: "response", id: request.id, outcome: { result: shown } };
}

/** The server's side broke in a way that none of its answers tells. */
export const internalError: RpcError = { code: -32603, message: "Internal error" };
