import { createNumbered } from "../../../core/numbered.ts";
import { type JsonObject, objectAt } from "../../../mcp/json.ts";
import type { MessageId, NotificationMessage, RequestMessage, ResponseMessage } from "../../../mcp/message.ts";
import type { OnMessage } from "../upstream.ts";

/** MCP 2026-07-28 basic/utilities/subscriptions: what tells the messages of one subscription from another's. */
const subscriptionKey = "io.modelcontextprotocol/subscriptionId";

/** One caller's request on its way through a child that works for many. */
export interface Flight<Owner> {
  /** Its id at the child, which is its progress token there too. */
  readonly id: number;
  readonly owner: Owner;
  readonly request: RequestMessage;
  readonly onMessage: OnMessage;
  readonly settle: (answer: ResponseMessage) => void;
  readonly fail: (error: unknown) => void;
  /** When the child last said anything of it (`performance.now()`). */
  heardMs: number;
}

/**
 * The requests under way at one child. Callers choose their ids and progress tokens as they like, and alike; the child
 * sees numbers that are used once, and what comes back by them is in the caller's own words again.
 */
export interface Flights<Owner> {
  readonly size: number;
  readonly all: readonly Flight<Owner>[];
  /** Returns the request as the child is to see it. */
  add(flight: Omit<Flight<Owner>, "id">): { readonly flight: Flight<Owner>; readonly request: RequestMessage };
  /** Removes the flight that `response` answers and hands it the answer; undefined when nobody waits for it. */
  answer(response: ResponseMessage): Flight<Owner> | undefined;
  /** Returns the flight that a notification names, by progress token or subscription, and passes it on. */
  tell(notification: NotificationMessage, nowMs: number): Flight<Owner> | undefined;
  byId(id: MessageId | null | undefined): Flight<Owner> | undefined;
  /** Returns an owner's flight by the id that the owner gave it. */
  find(owner: Owner, callerId: unknown): Flight<Owner> | undefined;
  remove(flight: Flight<Owner>): boolean;
}

export function createFlights<Owner>(): Flights<Owner> {
  const flights = createNumbered<Flight<Owner>>();
  return {
    get size() {
      return flights.size;
    },
    get all() {
      return flights.all();
    },
    add(unnumbered) {
      const { owner, request, onMessage, settle, fail, heardMs } = unnumbered;
      const flight = flights.add((id) => ({ id, owner, request, onMessage, settle, fail, heardMs }));
      return { flight, request: numbered(flight) };
    },
    answer(response) {
      const flight = flights.get(response.id);
      if (flight === undefined) return undefined;
      flights.remove(flight);
      flight.settle(answerTo(flight, response));
      return flight;
    },
    tell(notification, nowMs) {
      const { params } = notification;
      const subscription = objectAt(params, "_meta")?.[subscriptionKey];
      if (subscription !== undefined) {
        const flight = flights.get(subscription);
        if (flight === undefined) return undefined;
        flight.heardMs = nowMs;
        flight.onMessage({ ...notification, params: withMeta(params, subscriptionKey, flight.request.id) });
        return flight;
      }
      if (notification.method !== "notifications/progress") return undefined;
      const flight = flights.get(params?.progressToken);
      const token = flight === undefined ? undefined : tokenOf(flight.request);
      if (flight === undefined || token === undefined) return undefined;
      flight.heardMs = nowMs;
      flight.onMessage({ ...notification, params: { ...params, progressToken: token } });
      return flight;
    },
    byId: (id) => flights.get(id),
    find: (owner, callerId) => flights.all().find((flight) => flight.owner === owner && flight.request.id === callerId),
    remove: (flight) => flights.remove(flight),
  };
}

function numbered({ id, request }: Flight<unknown>): RequestMessage {
  if (tokenOf(request) === undefined) return { ...request, id };
  return { ...request, id, params: withMeta(request.params, "progressToken", id) };
}

function answerTo({ request }: Flight<unknown>, { outcome }: ResponseMessage): ResponseMessage {
  if ("result" in outcome && objectAt(outcome.result, "_meta")?.[subscriptionKey] !== undefined) {
    // A subscription that the server ends itself.
    const result = withMeta(outcome.result, subscriptionKey, request.id);
    return { kind: "response", id: request.id, outcome: { result } };
  }
  return { kind: "response", id: request.id, outcome };
}

function tokenOf({ params }: RequestMessage): MessageId | undefined {
  const token = params === undefined ? undefined : objectAt(params, "_meta")?.progressToken;
  return typeof token === "string" || typeof token === "number" ? token : undefined;
}

function withMeta(params: JsonObject | undefined, key: string, value: MessageId): JsonObject {
  return { ...params, _meta: { ...objectAt(params, "_meta"), [key]: value } };
}
