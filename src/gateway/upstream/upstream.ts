import type { StopSignal } from "../../core/stop.ts";
import type { JsonObject } from "../../mcp/json.ts";
import type {
  Message,
  MessageId,
  NotificationMessage,
  RequestMessage,
  ResponseMessage,
  RpcError,
} from "../../mcp/message.ts";

/**
 * One MCP server behind the gateway. The front understands and rewrites every message before it comes here, and filters
 * what goes back; nothing of the caller's HTTP request gets further than the front.
 */
export interface Upstream {
  readonly name: string;
  /** For `/readyz` and `--check`. Starts nothing. */
  state(): UpstreamState;
  /** How many processes run for it now; none of ours where it is left out. */
  children?(): number;
  /** Legacy: opens a session for a caller. Never rejects but with the signal's reason. */
  open(opening: RequestMessage, call: UpstreamCall): Promise<UpstreamOpening>;
  /**
   * Legacy: takes up the session whose handle came back from a sealed id, without a round trip; makes it again unseen,
   * from what the handle tells, where the server has lost it. Undefined for a handle that is none of this upstream's.
   */
  resume(handle: string, caller: UpstreamCaller): UpstreamSession | undefined;
  /**
   * Modern: one request, `server/discover` and `subscriptions/listen` among them (which ends with its signal or the
   * server's stream). An abort of the signal cancels it at the server. Never rejects but with the signal's reason.
   */
  request(request: RequestMessage, call: UpstreamCall): Promise<ResponseMessage>;
  close(): Promise<void>;
}

export type UpstreamState = "idle" | "ready" | "failing";

/** `refused`: the server's own error, or ours (down, of the other era, not in time). */
export type UpstreamOpening =
  | { readonly kind: "opened"; readonly session: UpstreamSession; readonly result: JsonObject }
  | { readonly kind: "refused"; readonly error: RpcError };

/** One caller's legacy session with one server. */
export interface UpstreamSession {
  /**
   * What the front seals into the session id: all it takes to take the session up again, after a restart of the gateway
   * or on another replica (HTTP: the server's session id and the `initialize` params; stdio: those and the child's
   * number for the session). At most `maxHandleBytes`; constant for the session's life.
   */
  readonly handle: string;
  /** An abort of the signal means that the caller no longer listens, which is no cancel in this era. */
  request(request: RequestMessage, call: UpstreamCall): Promise<ResponseMessage>;
  /** `notifications/cancelled` and `notifications/progress` name the caller's own ids and tokens. */
  notify(notification: NotificationMessage): void;
  /** The caller's answer to a request of the server, by the id that `onMessage` told. */
  respond(answer: ResponseMessage): void;
  /**
   * The server's messages that belong to no request, for as long as the signal; `after` is the last event id the caller
   * saw. `ended`: the server's stream is over or it has none (`refused`), and the caller may ask again.
   */
  listen(listening: {
    readonly onMessage: OnMessage;
    readonly signal: StopSignal;
    readonly after?: string | undefined;
  }): Promise<"ended" | "refused">;
  /** The caller sent DELETE, or the session expired. */
  end(): Promise<void>;
}

/** A message on its way to the caller; `eventId` where the server's stream can be resumed after it. */
export type OnMessage = (message: Message, eventId?: string) => void;

export interface UpstreamCall {
  readonly caller: UpstreamCaller;
  readonly signal: StopSignal;
  /** What the server says while it works on this call: progress, log messages, its own requests. Never the answer. */
  readonly onMessage: OnMessage;
}

/** Who calls, as tailscaled's whois tells it: for `identity: "headers"`, for `whoami`, and to keep callers apart. */
export interface UpstreamCaller {
  /** One caller's sessions and messages never reach another key: the user, or the node that has tags. */
  readonly key: string;
  readonly login: string | undefined;
  readonly name: string | undefined;
  readonly picture: string | undefined;
  /** The node's full name, without the last dot. */
  readonly node: string;
  readonly stableId: string;
  readonly tags: readonly string[];
  /** The grants' objects under the configured capability. */
  readonly grants: readonly JsonObject[];
}

/** A sealed session id goes in a header: with ~200 bytes of our own and base64 (4/3) it stays below 8 KiB. */
export const maxHandleBytes = 5 * 1024;

/** Returns the answer that is an error. */
export function errorAnswer(id: MessageId | null, error: RpcError): ResponseMessage {
  return { kind: "response", id, outcome: { error } };
}
