import { modernVersionOf } from "../../mcp/era.ts";
import type { JsonObject } from "../../mcp/json.ts";
import { type Message, type MessageId, type RequestMessage, type RpcError, toMessage } from "../../mcp/message.ts";
import { bareAnswer } from "../bare-view.ts";
import { type PlainAnswer, publicAnswer } from "../public-view.ts";
import { screenNotice } from "../screen-notice.ts";
import { type Era, methodNotFound, screenNotification, screenRequest, screenResponse } from "../screen-request.ts";
import { screenResult } from "../screen-result.ts";
import type { View } from "../view.ts";
import { screenAnswer } from "../visit.ts";

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

const cancelled = "notifications/cancelled";

/** What is behind a request that is under way: how its answer is to be read. */
interface Asked {
  readonly request: RequestMessage;
  readonly caller: View["caller"];
  readonly era: Era;
}

/**
 * Returns the transport with the rights in between, in both directions and in the order of the messages. Everything else
 * of it (sessions, streams, closing) is the transport's own.
 */
function guarded(transport: RawTransport, viewNow: ViewNow): RawTransport {
  const asked = new Map<MessageId, Asked | undefined>();
  let receive: OnMessage | undefined;
  let last: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void> | void): Promise<void> => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
  const answer = (id: MessageId, { body }: PlainAnswer): Promise<void> =>
    transport.send(JSON.parse(body?.toString() ?? "null"), { relatedRequestId: id });
  const refuse = (id: MessageId, error: RpcError): Promise<void> =>
    transport.send(toJson({ kind: "response", id, outcome: { error } }), { relatedRequestId: id });

  /** Its answer may be on its way, so the id stays taken; servers say nothing more of most. */
  const forget = (id: unknown): void => {
    if ((typeof id === "string" || typeof id === "number") && asked.has(id)) asked.set(id, undefined);
  };

  const onRequest = (request: RequestMessage, view: View | undefined, pass: (message: Message) => void) => {
    if (view === undefined) return answer(request.id, publicAnswer({ kind: "one", message: request }));
    if (!view.rights.some) return answer(request.id, bareAnswer(request, view));
    // The answer to one of two would be read as that of the other.
    if (asked.has(request.id))
      return refuse(request.id, { code: -32600, message: "Invalid request: the id is in use" });
    const era = modernVersionOf(request) === undefined ? "legacy" : "modern";
    // The handshake needs no right, and its params are no caller's business.
    const screened =
      request.method === "initialize" && era === "legacy"
        ? ({ kind: "pass", request } as const)
        : screenRequest(request, era, view);
    if (screened.kind === "refused") return refuse(request.id, screened.error);
    asked.set(request.id, { request, caller: view.caller, era });
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
      const screened =
        message.kind === "notification" ? screenNotification(message, view) : screenResponse(message, view);
      if (screened?.kind === "notification" && screened.method === cancelled) forget(screened.params?.requestId);
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
    const { request, caller, era } = question;
    if (request.method !== "initialize") return screenAnswer(message, { request, asked: caller, era, view });
    return { ...message, outcome: { result: screenResult(request, message.outcome.result, { era, view }) } };
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

/** The message as the SDK has it. */
function toJson(message: Message): JsonObject {
  const jsonrpc = "2.0";
  if (message.kind === "response") return { jsonrpc, id: message.id, ...message.outcome };
  const { method, params } = message;
  const asked = params === undefined ? { jsonrpc, method } : { jsonrpc, method, params };
  return message.kind === "request" ? { ...asked, id: message.id } : asked;
}
