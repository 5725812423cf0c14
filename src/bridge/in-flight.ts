import { Stop } from "../core/stop.ts";
import type { MessageId, RequestMessage } from "../mcp/message.ts";

/** One request of the agent that has no answer yet. */
export interface Pending {
  readonly id: MessageId;
  readonly method: string;
  readonly isModern: boolean;
  /** Told when nobody wants the answer any more. */
  readonly stop: Stop;
  /** The id under which the server knows it: another one after a replay; undefined before it was sent. */
  sentAs: MessageId | undefined;
  /** As it was sent last, and in which of the legacy sessions: to know its answer where that comes on another stream. */
  sent: RequestMessage | undefined;
  sentIn: number | undefined;
  /** When the agent was last told of its progress (`performance.now()`). */
  progressAtMs: number | undefined;
  /** Takes it from the list; false when somebody did before, and the agent must not be answered again. */
  settle(): boolean;
}

export interface InFlight {
  /**
   * Returns the request, or undefined when that id is in use; where `limit` are under way, a promise of it that waits
   * for its turn.
   */
  admit(request: {
    id: MessageId;
    method: string;
    isModern: boolean;
  }): Pending | undefined | Promise<Pending | undefined>;
  find(id: unknown): Pending | undefined;
  /** Returns the one that the server knows under this id in this session. */
  findSent(id: MessageId, sentIn: number): Pending | undefined;
  abortAll(reason: unknown): void;
  /** Resolves when none is left. */
  idle(): Promise<void>;
}

/** Returns the register of the agent's requests. Those beyond `limit` wait for their turn, in order. */
export function createInFlight(limit: number): InFlight {
  const pending = new Map<unknown, One>();
  const turns: (() => void)[] = [];
  const idlers: (() => void)[] = [];
  let active = 0;

  const release = (): void => {
    const next = turns.shift();
    if (next === undefined) active -= 1;
    else next();
    if (pending.size === 0) for (const wake of idlers.splice(0)) wake();
  };
  const settle = (one: One): boolean => {
    if (pending.get(one.id) !== one) return false;
    pending.delete(one.id);
    if (one.hasTurn) release();
    return true;
  };
  const startTurn = (one: One): One => {
    one.hasTurn = true;
    // It was cancelled while it waited.
    if (pending.get(one.id) !== one) release();
    return one;
  };
  return {
    admit({ id, method, isModern }) {
      if (pending.has(id)) return undefined;
      const one = new One({ id, method, isModern }, settle);
      pending.set(id, one);
      if (active >= limit) return new Promise((resolve) => turns.push(() => resolve(startTurn(one))));
      active += 1;
      one.hasTurn = true;
      return one;
    },
    find: (id) => pending.get(id),
    findSent(id, sentIn) {
      for (const one of pending.values()) if (one.sentAs === id && one.sentIn === sentIn) return one;
      return undefined;
    },
    abortAll(reason) {
      for (const one of pending.values()) one.stop.abort(reason);
    },
    idle: () => (pending.size === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve))),
  };
}

class One implements Pending {
  readonly id: MessageId;
  readonly method: string;
  readonly isModern: boolean;
  readonly stop = new Stop();
  sentAs: MessageId | undefined = undefined;
  sent: RequestMessage | undefined = undefined;
  sentIn: number | undefined = undefined;
  progressAtMs: number | undefined = undefined;
  hasTurn = false;
  readonly #settle: (one: One) => boolean;

  constructor(request: { id: MessageId; method: string; isModern: boolean }, settle: (one: One) => boolean) {
    this.id = request.id;
    this.method = request.method;
    this.isModern = request.isModern;
    this.#settle = settle;
  }

  settle(): boolean {
    return this.#settle(this);
  }
}
