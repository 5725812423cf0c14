import { TsmcpError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { StopSignal } from "../core/stop.ts";
import type { Answer, Endpoint } from "../mcp/endpoint.ts";
import type { Header } from "../net/http-message.ts";
import { RequestLost } from "../net/origin.ts";
import type { Connection } from "./connection.ts";
import { patiently, Unavailable } from "./patience.ts";
import { createUrgency, type Urgency } from "./urgency.ts";

/** Why the server cannot be reached, and since when (`performance.now()`). */
export interface Trouble {
  readonly error: Error;
  readonly sinceMs: number;
}

export interface Letter {
  readonly body: Uint8Array;
  /** Asked anew for each attempt: the session may be another by then. */
  readonly headers: () => readonly Header[];
  readonly signal: StopSignal;
  readonly isBrief?: boolean | undefined;
  /** How long to wait for a way to the server; Infinity to try in the background. */
  readonly patienceMs: number;
  /** Goes again where the server was not there (502, 503, 504): that is not always known not to have run. */
  readonly isHarmless: boolean;
}

/** The way to the server as it is now: tried, waited for, and remembered where it is blocked. */
export interface Way {
  readonly trouble: Trouble | undefined;
  /** True from a broken connection or stream or an absent server until the next answer: what must not be lost should not go yet. */
  readonly isDoubtful: boolean;
  /** True once the server itself said anything. */
  readonly hasAnswered: boolean;
  readonly urgency: Urgency;
  post(letter: Letter): Promise<Answer>;
  /** Opens the stream of the server's own messages, or resumes one. */
  listen(request: Omit<Letter, "body" | "isHarmless">): Promise<Answer>;
  /** Ends a session. Returns the status. */
  delete(request: { readonly headers: readonly Header[]; readonly signal: StopSignal }): Promise<number>;
  /** Notes that a stream broke off: the server may be gone, and what must not be lost should not go yet. */
  doubt(): void;
  /** Turns to the next place where the server may be; false when there is none. */
  tryNextPlace(): boolean;
  tryFirstPlace(): void;
  /** Resolves with the next trouble. */
  nextTrouble(): Promise<Trouble>;
}

/** Returns the way over `connection`. */
export function createWay({ origin, endpoints }: Connection, log: Log, onFirstAnswer?: () => void): Way {
  const urgency = createUrgency();
  const watchers = new Set<(trouble: Trouble) => void>();
  let trouble: Trouble | undefined;
  let isDoubtful = false;
  let hasAnswered = false;
  let place = 0;

  const endpoint = (): Endpoint => {
    const found = endpoints[place];
    if (found === undefined) throw new Error("there is no endpoint");
    return found;
  };
  const note = (error: Error): void => {
    if (trouble === undefined) log.debug(`waiting for the server: ${error.message}`);
    trouble = { error, sinceMs: trouble?.sinceMs ?? performance.now() };
    for (const tell of watchers) tell(trouble);
    watchers.clear();
  };
  const settled = (answer: Answer, isHarmless: boolean): Answer => {
    if (answer.kind === "refused" && isAbsence(answer.status)) {
      isDoubtful = true;
      const absent = new Unavailable(answer);
      note(absent);
      if (isHarmless) throw absent;
      return answer;
    }
    trouble = undefined;
    isDoubtful = false;
    if (!hasAnswered) onFirstAnswer?.();
    hasAnswered = true;
    return answer;
  };
  const connect = (): Promise<void> | undefined => (origin.isOpen ? undefined : origin.warm());
  const go = (send: () => Promise<Answer>, letter: Omit<Letter, "body">): Promise<Answer> => {
    const { patienceMs, signal, isHarmless } = letter;
    const attempt = (): Promise<Answer> => send().then((answer) => settled(answer, isHarmless));
    return patiently(attempt, { patienceMs, urgency, signal, connect, onWait: note }).catch((error: unknown) => {
      if (error instanceof Unavailable) return error.answer;
      // What the agent itself broke off says nothing of the server.
      if (error instanceof RequestLost && !signal.aborted) isDoubtful = true;
      if (error instanceof TsmcpError && !signal.aborted) note(error);
      throw error;
    });
  };
  return {
    get trouble() {
      return trouble;
    },
    get isDoubtful() {
      return isDoubtful;
    },
    get hasAnswered() {
      return hasAnswered;
    },
    urgency,
    post: (letter) => go(() => endpoint().post({ ...letter, headers: letter.headers() }), letter),
    listen: (request) =>
      go(() => endpoint().listen({ headers: request.headers(), signal: request.signal }), {
        ...request,
        isHarmless: true,
      }),
    delete: (request) => endpoint().delete(request),
    doubt() {
      isDoubtful = true;
    },
    tryNextPlace() {
      if (place + 1 >= endpoints.length) return false;
      place += 1;
      return true;
    },
    tryFirstPlace() {
      place = 0;
    },
    nextTrouble: () => new Promise((resolve) => watchers.add(resolve)),
  };
}

/** What a proxy says when nobody is behind it: tailscale serve 502 without a body. Source: RFC 9110 §15.6.3-5. */
export function isAbsence(status: number): boolean {
  return status === 502 || status === 503 || status === 504;
}

/** Request time-out, too many requests, a fault of the moment. What is absent was waited for before anybody hears of it. */
export function isForLater(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && !isAbsence(status));
}
