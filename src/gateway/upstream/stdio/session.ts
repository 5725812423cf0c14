import type { StopSignal } from "../../../core/stop.ts";
import { timeoutSignal } from "../../../core/timeout-signal.ts";
import { untilAborted } from "../../../core/until-aborted.ts";
import { stringAt } from "../../../mcp/json.ts";
import type { Message, RequestMessage, ResponseMessage } from "../../../mcp/message.ts";
import { diesWithSession, isHarmlessToRepeat, methodNotFound } from "../../../mcp/method.ts";
import { createRestoration } from "../../../mcp/restoration.ts";
import { withCaller } from "../caller-meta.ts";
import { rpcErrorOf, UpstreamFailure } from "../failure.ts";
import { errorAnswer, type OnMessage, type UpstreamCaller, type UpstreamSession } from "../upstream.ts";
import type { Slot } from "./slot.ts";
import type { RunningServer } from "./start-server.ts";
import type { WireOwner } from "./wire.ts";

/** One caller's legacy session with a child. */
export interface StdioSession extends UpstreamSession {
  readonly id: string;
  readonly caller: UpstreamCaller;
  readonly owner: WireOwner;
  /** When it was last used (`performance.now()`). */
  readonly usedMs: number;
  /** True while it asks or listens. */
  readonly isBusy: boolean;
  readonly isListening: boolean;
  /** True once the caller said that it is ready; a new child is told so too. */
  readonly isInitialized: boolean;
  /** Brings a new child to the state that the session had with the one before. */
  restore(server: RunningServer): Promise<void>;
}

export interface StdioSessionOptions {
  readonly id: string;
  readonly handle: string;
  readonly name: string;
  readonly caller: UpstreamCaller;
  readonly slot: Slot;
  /** The child is this session's alone. */
  readonly isExclusive: boolean;
  readonly tellsCaller: boolean;
  /** Taken up again: the caller said long ago that it is ready. */
  readonly isResumed: boolean;
  /** True when another session at the same child subscribed to the resource. */
  readonly isSharedSubscription: (uri: string) => boolean;
  /** Runs before each use. */
  readonly onUse: () => void;
  readonly onEnd: () => Promise<void> | void;
}

/** What waits for a caller that does not listen yet. */
const maxHeld = 64;

export function createStdioSession(options: StdioSessionOptions): StdioSession {
  const { id, handle, name, caller, slot, isExclusive, tellsCaller, isSharedSubscription } = options;
  // No Set: of what comes and goes all the time it holds on to what has gone (see core/numbered.ts).
  const calls: OnMessage[] = [];
  const listeners = new Set<OnMessage>();
  const endings = new Set<() => void>();
  const restoration = createRestoration();
  let subscribed: readonly string[] = [];
  let held: Message[] = [];
  let usedMs = performance.now();
  let isInitialized = options.isResumed;

  const deliver = (message: Message): boolean => {
    const [listener] = listeners;
    const call = calls.at(-1);
    const isAboutLists = message.kind === "notification" && message.method.endsWith("list_changed");
    const to = isAboutLists ? (listener ?? call) : (call ?? listener);
    if (to !== undefined) {
      to(message);
      return true;
    }
    // With a child of its own nobody else can be meant, and the caller's stream is on its way.
    if (!isExclusive || held.length >= maxHeld) return false;
    held.push(message);
    return true;
  };
  const release = (to: OnMessage): void => {
    const waiting = held;
    held = [];
    for (const message of waiting) to(message);
  };
  const isSubscribed = (uri: string): boolean =>
    subscribed.some((one) => uri === one || uri.startsWith(one.endsWith("/") ? one : `${one}/`));
  const owner: WireOwner = { callerKey: caller.key, deliver, isSubscribed };

  const note = (request: RequestMessage, { outcome }: ResponseMessage): void => {
    if ("error" in outcome) return;
    restoration.granted(request);
    if (!request.method.endsWith("subscribe")) return;
    subscribed = restoration.requests().flatMap(({ params }) => stringAt(params, "uri") ?? []);
  };
  /** What must not reach a child that others use as well; undefined where it may. */
  const ownAnswer = ({ id: requestId, method, params }: RequestMessage): ResponseMessage | undefined => {
    if (isExclusive) return undefined;
    const done: ResponseMessage = { kind: "response", id: requestId, outcome: { result: {} } };
    // One level for everybody would be somebody's, and no log message is passed on.
    if (method === "logging/setLevel") return done;
    if (method === "tasks/list") return errorAnswer(requestId, methodNotFound);
    const uri = stringAt(params, "uri");
    return method === "resources/unsubscribe" && uri !== undefined && isSharedSubscription(uri) ? done : undefined;
  };
  const attempt = (
    request: RequestMessage,
    { signal, onMessage }: { signal: StopSignal; onMessage: OnMessage },
  ): Promise<ResponseMessage> => {
    const send = ({ wire }: RunningServer): Promise<ResponseMessage> => {
      wire.attach(owner);
      return wire.request(request, { owner, signal, onMessage, abortCancels: false });
    };
    const { current } = slot;
    return current === undefined ? untilAborted(slot.ready(), signal).then(send) : send(current);
  };
  const ask = async (request: RequestMessage, asking: { signal: StopSignal; onMessage: OnMessage }) => {
    const before = slot.current;
    try {
      return await attempt(request, asking);
    } catch (error) {
      if (!(error instanceof UpstreamFailure) || before?.wire.isOpen !== false) throw error;
      // The child is gone. What it never had, and what may be asked twice, goes to the next one.
      if (error.kind !== "ended" && (error.kind !== "lost" || !isHarmlessToRepeat(request.method))) throw error;
      const gone = diesWithSession(request);
      return gone === undefined ? attempt(request, asking) : errorAnswer(request.id, gone);
    }
  };
  return {
    id,
    handle,
    caller,
    owner,
    get usedMs() {
      return usedMs;
    },
    get isBusy() {
      return calls.length > 0 || listeners.size > 0;
    },
    get isListening() {
      return listeners.size > 0;
    },
    get isInitialized() {
      return isInitialized;
    },
    async restore({ wire }) {
      wire.attach(owner);
      const signal = timeoutSignal(restoreTimeoutMs);
      for (const { method, params } of restoration.requests()) {
        if (!isExclusive && method === "logging/setLevel") continue;
        const request: RequestMessage = { kind: "request", id: 0, method, params };
        const asking = { owner, signal, onMessage: () => {}, abortCancels: true };
        await wire.request(request, asking).catch(() => undefined);
      }
    },
    async request(request, { signal, onMessage }) {
      usedMs = performance.now();
      options.onUse();
      const own = ownAnswer(request);
      if (own !== undefined) {
        note(request, own);
        return own;
      }
      calls.push(onMessage);
      release(onMessage);
      try {
        const params = withCaller(request.params, tellsCaller ? caller : undefined);
        const answer = await ask(params === request.params ? request : { ...request, params }, { signal, onMessage });
        note(request, answer);
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        return errorAnswer(request.id, rpcErrorOf(error, name));
      } finally {
        calls.splice(calls.lastIndexOf(onMessage), 1);
        usedMs = performance.now();
      }
    },
    notify(notification) {
      usedMs = performance.now();
      const { method } = notification;
      if (method === "notifications/initialized") isInitialized = true;
      // The others are about one caller's own things, of which a child that many use must not hear.
      if (!isExclusive && method !== "notifications/cancelled" && method !== "notifications/progress") return;
      slot.current?.wire.notify({ ...notification, params: withCaller(notification.params, undefined) }, owner);
    },
    respond: (answer) => slot.current?.wire.respond(answer, owner),
    async listen({ onMessage: tell, signal }) {
      signal.throwIfAborted();
      usedMs = performance.now();
      options.onUse();
      const onMessage: OnMessage = (message) => tell(message);
      listeners.add(onMessage);
      release(onMessage);
      await new Promise<void>((resolve) => {
        const leave = (): void => {
          endings.delete(leave);
          resolve();
        };
        endings.add(leave);
        signal.addEventListener("abort", leave, { once: true });
      });
      listeners.delete(onMessage);
      usedMs = performance.now();
      return "ended";
    },
    async end() {
      const wire = slot.current?.wire;
      if (!isExclusive && wire?.isOpen === true) {
        for (const uri of subscribed.filter((one) => !isSharedSubscription(one))) {
          const request: RequestMessage = { kind: "request", id: 0, method: "resources/unsubscribe", params: { uri } };
          const signal = timeoutSignal(restoreTimeoutMs);
          void wire
            .request(request, { owner: nobody, signal, onMessage: () => {}, abortCancels: true })
            .catch(() => {});
        }
      }
      wire?.detach(owner);
      // Whoever ends a session may wait for its stream to end with it.
      for (const leave of endings) leave();
      await options.onEnd();
    },
  };
}

/** A server that does not take a subscription again within this is not waited for. */
const restoreTimeoutMs = 10_000;

const nobody: WireOwner = { callerKey: undefined, deliver: () => false, isSubscribed: () => false };
