import type { Log } from "../../../core/log.ts";
import type { StopSignal } from "../../../core/stop.ts";
import { objectAt, stringAt } from "../../../mcp/json.ts";
import type {
  Message,
  MessageId,
  NotificationMessage,
  RequestMessage,
  ResponseMessage,
  RpcError,
} from "../../../mcp/message.ts";
import type { Child } from "../../../process/child.ts";
import { UpstreamFailure } from "../failure.ts";
import type { OnMessage } from "../upstream.ts";
import { createFlights, type Flight } from "./flights.ts";
import { openLineChannel } from "./line-channel.ts";
import { createQuestions } from "./questions.ts";

/** Who speaks through a child: a session, or one modern caller. */
export interface WireOwner {
  /** Undefined for what the gateway asks on its own account. */
  readonly callerKey: string | undefined;
  /** Takes what belongs to none of its requests; false when it has no use for it. */
  readonly deliver: (message: Message) => boolean;
  /** True when it subscribed to the resource, or to what contains it. */
  readonly isSubscribed: (uri: string) => boolean;
}

export interface WireAsking {
  readonly owner: WireOwner;
  readonly signal: StopSignal;
  readonly onMessage: OnMessage;
  /** An abort is a cancel, of which the child has to hear (modern era). */
  readonly abortCancels: boolean;
}

/** One running child and everybody who speaks through it. */
export interface Wire {
  readonly isOpen: boolean;
  readonly inFlight: number;
  /** Resolves when the child says no more; with why. */
  readonly closed: Promise<string>;
  /** Rejects with an UpstreamFailure, or the reason of the signal. */
  request(request: RequestMessage, asking: WireAsking): Promise<ResponseMessage>;
  notify(notification: NotificationMessage, owner: WireOwner): void;
  respond(answer: ResponseMessage, owner: WireOwner): void;
  attach(owner: WireOwner): void;
  detach(owner: WireOwner): void;
}

export interface WireOptions {
  readonly name: string;
  readonly log: Log;
  /** Returns a line of the child as it is to be read. */
  readonly heard: (line: Buffer) => Buffer;
  /** Undoes that in what comes back to the child: its own ids. */
  readonly said?: ((json: string) => string) | undefined;
  /** For one caller alone: what the child says of its own accord is for that one. */
  readonly isExclusive: boolean;
  /** How long a child may be silent about a request. */
  readonly silenceMs: number;
}

const methodNotFound: RpcError = { code: -32601, message: "Method not found" };

const listChanges: ReadonlySet<string> = new Set([
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/resources/list_changed",
]);

/** Silence is looked for this often. */
const watchEveryMs = 1_000;

/** Returns the wire to a running child. */
export function openWire(child: Child, options: WireOptions): Wire {
  const { name, log, heard, said = (json) => json, isExclusive, silenceMs } = options;
  const flights = createFlights<WireOwner>();
  const questions = createQuestions<WireOwner>();
  const owners = new Set<WireOwner>();
  /** Everybody who ever spoke through this child, because it may still speak of what they asked. */
  const callerKeys = new Set<string>();
  let isOpen = true;
  let close: (why: string) => void = () => {};
  const closed = new Promise<string>((resolve) => {
    close = resolve;
  });

  const channel = openLineChannel(
    child,
    {
      onMessage(message) {
        if (message.kind === "response") return flights.answer(message) !== undefined;
        if (message.kind === "notification") return hear(message);
        ask(message);
        return false;
      },
      onOversize(id, totalBytes) {
        // Without an id it can only be told where there is one to tell.
        const [only] = flights.all;
        const flight = flights.byId(id) ?? (id === null && flights.size === 1 ? only : undefined);
        const message = `answered with ${totalBytes} bytes, which is too large`;
        if (flight !== undefined) fail(flight, new UpstreamFailure("tooLarge", message, { mayHaveRun: true }));
      },
      onEnd: () => end("closed its output"),
    },
    { name, log, heard },
  );
  const send = (message: object): void => channel.send(said(JSON.stringify({ jsonrpc: "2.0", ...message })));
  const fail = (flight: Flight<WireOwner>, error: unknown): void => {
    if (flights.remove(flight)) flight.fail(error);
  };
  const cancel = (flight: Flight<WireOwner>, reason: string): void => {
    if (isOpen && flights.byId(flight.id) !== undefined) {
      send({ method: "notifications/cancelled", params: { requestId: flight.id, reason } });
    }
  };
  const end = (why: string): void => {
    if (!isOpen) return;
    isOpen = false;
    clearInterval(watch);
    for (const flight of flights.all) {
      fail(flight, new UpstreamFailure("lost", `${why} before it answered`, { mayHaveRun: true }));
    }
    close(why);
  };
  const watch = setInterval(() => {
    const before = performance.now() - silenceMs;
    for (const flight of flights.all) {
      // A subscription is silent while nothing changes.
      if (flight.heardMs > before || flight.request.method === "subscriptions/listen") continue;
      // It waits for a person, and the person may take time.
      if (questions.isOpenFor(flight.owner)) continue;
      cancel(flight, "timeout");
      const message = `did not answer within ${silenceMs} ms`;
      fail(flight, new UpstreamFailure("timeout", message, { mayHaveRun: true }));
    }
  }, watchEveryMs).unref();

  /** What the child says of its own accord goes to the one whom it can only mean; nobody else may see it. */
  const onlyOwner = (): WireOwner | undefined => {
    if (!isExclusive && callerKeys.size > 1) return undefined;
    if (owners.size <= 1) return owners.values().next().value;
    const working = new Set(flights.all.map(({ owner }) => owner));
    return working.size === 1 ? working.values().next().value : undefined;
  };
  const ask = ({ id, method, params }: RequestMessage): void => {
    if (method === "ping") {
      send({ id, result: {} });
      return;
    }
    const owner = onlyOwner();
    const question = owner === undefined ? undefined : questions.add({ id, method, params, owner });
    if (question !== undefined && owner?.deliver(question) === true) return;
    if (question !== undefined) questions.drop(question.id);
    send({ id, error: methodNotFound });
  };
  const hear = (notification: NotificationMessage): boolean => {
    const { method, params } = notification;
    if (flights.tell(notification, performance.now()) !== undefined) return true;
    if (method === "notifications/progress") return false;
    if (method === "notifications/cancelled") {
      const cancelled = questions.cancel(params?.requestId);
      if (cancelled !== undefined) {
        cancelled.owner.deliver({ ...notification, params: { ...params, requestId: cancelled.id } });
      }
      return cancelled !== undefined;
    }
    const uri = stringAt(params, "uri");
    if (method === "notifications/resources/updated" && uri !== undefined && !isExclusive) {
      for (const owner of owners) if (owner.isSubscribed(uri)) owner.deliver(notification);
    } else if (listChanges.has(method)) for (const owner of owners) owner.deliver(notification);
    // Log messages, finished elicitations, tasks: they name nobody, so they are told only where there is but one.
    else if (isExclusive) {
      for (const flight of flights.all) flight.heardMs = performance.now();
      const owner = onlyOwner();
      if (owner !== undefined) owner.deliver(notification);
      else if (method === "notifications/message") flights.all.findLast(wantsLog)?.onMessage(notification);
    }
    return false;
  };

  void child.ended.then(() => {
    // What it said last is still in the pipe, whose other end somebody may hold who left its group.
    setTimeout(() => end("has ended"), lastWordsMs).unref();
  });

  return {
    get isOpen() {
      return isOpen;
    },
    get inFlight() {
      return flights.size;
    },
    closed,
    request(request, { owner, signal, onMessage, abortCancels }) {
      if (!isOpen) return Promise.reject(new UpstreamFailure("ended", "has ended"));
      if (signal.aborted) return Promise.reject(signal.reason);
      if (!channel.takesMore) return Promise.reject(new UpstreamFailure("unreachable", "does not read its input"));
      if (owner.callerKey !== undefined) callerKeys.add(owner.callerKey);
      return new Promise((resolve, reject) => {
        const onAbort = (): void => {
          if (abortCancels) cancel(flight, "the caller left");
          fail(flight, signal.reason);
        };
        const over = (): void => signal.removeEventListener("abort", onAbort);
        const { flight, request: numbered } = flights.add({
          owner,
          request,
          onMessage,
          heardMs: performance.now(),
          settle(answer) {
            over();
            resolve(answer);
          },
          fail(error) {
            over();
            reject(error);
          },
        });
        signal.addEventListener("abort", onAbort);
        const { id, method, params } = numbered;
        send({ id, method, params });
      });
    },
    notify({ method, params }, owner) {
      if (!isOpen) return;
      if (method === "notifications/cancelled") {
        const flight = flights.find(owner, params?.requestId);
        if (flight === undefined) return;
        cancel(flight, stringAt(params, "reason") ?? "");
        fail(flight, new UpstreamFailure("ended", "was told by the caller not to go on"));
      } else if (method === "notifications/progress") {
        if (questions.isTokenOf(owner, params?.progressToken)) send({ method, params });
      } else send({ method, params });
    },
    respond({ id, outcome }, owner) {
      const asked: MessageId | undefined = questions.take(id, owner);
      if (asked !== undefined && isOpen) send({ id: asked, ...outcome });
    },
    attach(owner) {
      if (owner.callerKey !== undefined) callerKeys.add(owner.callerKey);
      owners.add(owner);
    },
    detach(owner) {
      owners.delete(owner);
      for (const flight of flights.all) {
        if (flight.owner !== owner) continue;
        cancel(flight, "the session ended");
        fail(flight, new UpstreamFailure("ended", "is not asked any more: the session ended"));
      }
      for (const id of questions.dropAll(owner)) if (isOpen) send({ id, error: methodNotFound });
    },
  };
}

/** Only modern requests do, each for itself. Source: MCP 2026-07-28 server/utilities/logging. */
function wantsLog({ request: { params } }: Flight<WireOwner>): boolean {
  return stringAt(objectAt(params, "_meta"), "io.modelcontextprotocol/logLevel") !== undefined;
}

/** For what a child wrote before it ended. */
const lastWordsMs = 1_000;
