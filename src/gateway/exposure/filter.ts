import { isObject } from "../../core/json-object.ts";
import { modernVersionOf } from "../../mcp/era.ts";
import type { JsonObject } from "../../mcp/json.ts";
import { type Message, type MessageId, messageText, type RequestMessage, toMessage } from "../../mcp/message.ts";
import { bareAnswer } from "../bare-view.ts";
import { type PlainAnswer, publicAnswer } from "../public-view.ts";
import { screenNotice } from "../screen-notice.ts";
import { type Era, methodNotFound, screenNotification, screenRequest } from "../screen-request.ts";
import { screenResult } from "../screen-result.ts";
import type { View } from "../view.ts";

/** A server of the official SDK: `Server` connects, `McpServer` has one that does. */
export type FilteredServer = { connect(transport: never): Promise<void> };

/** Returns the view of the moment: undefined for a caller who is nobody by now. */
export type ViewNow = () => View | undefined | Promise<View | undefined>;

/** Puts the rights between a server and whatever transport it is connected to from now on. Returns the server. */
export function filterServer<T extends FilteredServer>(server: T, viewNow: ViewNow): T {
  const inner = innermost(server);
  const connect: Connectable["connect"] = inner.connect.bind(inner);
  inner.connect = (transport: unknown): Promise<void> => connect(guarded(transport as RawTransport, viewNow));
  return server;
}

interface Connectable {
  connect(transport: unknown): Promise<void>;
}

/** `McpServer.connect` calls the same of the `Server` in it, and the SDK's own handlers call that one straight. */
function innermost(server: object): Connectable {
  const inner = "server" in server ? server.server : undefined;
  return (isConnectable(inner) ? inner : server) as Connectable;
}

function isConnectable(value: unknown): value is Connectable {
  return typeof value === "object" && value !== null && "connect" in value && typeof value.connect === "function";
}

interface RawTransport {
  onmessage?: OnMessage | undefined;
  send(message: unknown, options?: unknown): Promise<void>;
}

type OnMessage = (message: unknown, extra?: unknown) => void;

/** What is behind a request that is under way: how its answer is to be read. */
interface Asked {
  readonly method: string;
  readonly era: Era;
}

/**
 * Returns the transport with the rights in between, in both directions and in the order of the messages. Everything else
 * of it (sessions, streams, closing) is the transport's own.
 */
function guarded(transport: RawTransport, viewNow: ViewNow): RawTransport {
  const asked = new Map<MessageId, Asked>();
  let receive: OnMessage | undefined;
  let last: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void> | void): Promise<void> => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
  const answer = (id: MessageId, { body }: PlainAnswer): Promise<void> =>
    transport.send(JSON.parse(body?.toString() ?? "null"), { relatedRequestId: id });

  const onRequest = (request: RequestMessage, view: View | undefined, pass: (message: Message) => void) => {
    if (view === undefined) return answer(request.id, publicAnswer({ kind: "one", message: request }));
    if (!view.rights.some) return answer(request.id, bareAnswer(request, view));
    const era = modernVersionOf(request) === undefined ? "legacy" : "modern";
    // The handshake needs no right, and its params are no caller's business.
    const screened =
      request.method === "initialize" && era === "legacy"
        ? ({ kind: "pass", request } as const)
        : screenRequest(request, era, view);
    if (screened.kind === "refused") {
      const outcome = { error: screened.error };
      return answer(request.id, { status: 200, body: messageText({ kind: "response", id: request.id, outcome }) });
    }
    asked.set(request.id, { method: request.method, era });
    return pass(screened.request);
  };

  const onMessage: OnMessage = (value, extra) => {
    const message = toMessage(value);
    if (message.kind === "invalid") return;
    const pass = (one: Message): void => receive?.(toJson(one), extra);
    void inTurn(async () => {
      const view = await viewNow();
      if (message.kind === "request") return onRequest(message, view, pass);
      // Whoever is nobody by now has nothing to say either.
      if (view === undefined || !view.rights.some) return undefined;
      const screened = message.kind === "notification" ? screenNotification(message) : message;
      if (screened !== undefined) pass(screened);
      return undefined;
    }).catch(() => {});
  };

  const send = (value: unknown, options?: unknown): Promise<void> =>
    inTurn(async () => {
      const message = toMessage(value);
      const view = await viewNow();
      const screened = message.kind === "invalid" ? undefined : outgoing(message, view);
      if (screened !== undefined) return transport.send(toJson(screened), options);
      // A server that asks what nobody will answer must not wait for it.
      if (message.kind === "request") {
        const outcome = { error: methodNotFound };
        receive?.(toJson({ kind: "response", id: message.id, outcome }), undefined);
      }
      return undefined;
    });

  const outgoing = (message: Message, view: View | undefined): Message | undefined => {
    if (message.kind !== "response") return view === undefined ? undefined : screenNotice(message, view);
    const question = message.id === null ? undefined : asked.get(message.id);
    if (message.id !== null) asked.delete(message.id);
    if ("error" in message.outcome) return message;
    if (question === undefined) return undefined;
    if (view === undefined) return { ...message, outcome: { error: methodNotFound } };
    const { method, era } = question;
    const result = screenResult(method, message.outcome.result, { era, view });
    return { ...message, outcome: { result } };
  };

  return new Proxy(transport, {
    get(target, key) {
      if (key === "send") return send;
      if (key === "onmessage") return receive;
      const value: unknown = Reflect.get(target, key, target);
      // Private fields are the transport's own, so its methods run on it.
      return typeof value === "function" ? value.bind(target) : value;
    },
    set(target, key, value) {
      if (key !== "onmessage") return Reflect.set(target, key, value, target);
      receive = value;
      target.onmessage = onMessage;
      return true;
    },
  });
}

/** The message as the SDK has it, written anew. */
function toJson(message: Message): JsonObject {
  const value: unknown = JSON.parse(messageText(message).toString());
  if (!isObject(value)) throw new TypeError("a message is an object");
  return value;
}
