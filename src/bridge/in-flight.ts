import type { MessageId } from "../mcp/message.ts";

/** One request of the agent that has no answer yet. */
export interface Pending {
  readonly id: MessageId;
  readonly method: string;
  readonly isModern: boolean;
  readonly signal: AbortSignal;
  /** The id under which the server knows it: another one after a replay; undefined before it was sent. */
  sentAs: MessageId | undefined;
  /** Takes it from the list; false when somebody did before, and the agent must not be answered again. */
  settle(): boolean;
  abort(reason: unknown): void;
}

export interface InFlight {
  /** Returns the request once fewer than `limit` are under way, or undefined when that id is in use. */
  admit(request: { id: MessageId; method: string; isModern: boolean }): Promise<Pending | undefined>;
  find(id: unknown): Pending | undefined;
  abortAll(reason: unknown): void;
  /** Resolves when none is left. */
  idle(): Promise<void>;
}

/** Returns the register of the agent's requests. Those beyond `limit` wait for their turn, in order. */
export function createInFlight(limit: number): InFlight {
  const pending = new Map<string, Pending>();
  const turns: (() => void)[] = [];
  const idlers: (() => void)[] = [];
  let active = 0;

  const release = (): void => {
    const next = turns.shift();
    if (next === undefined) active -= 1;
    else next();
    if (pending.size === 0) for (const wake of idlers.splice(0)) wake();
  };
  return {
    async admit({ id, method, isModern }) {
      const key = JSON.stringify(id);
      if (pending.has(key)) return undefined;
      // Made when it is needed: of thousands that wait for their turn, each would keep one for nothing.
      let controller: AbortController | undefined;
      let hasTurn = false;
      const one: Pending = {
        id,
        method,
        isModern,
        get signal() {
          controller ??= new AbortController();
          return controller.signal;
        },
        sentAs: undefined,
        settle() {
          if (pending.get(key) !== one) return false;
          pending.delete(key);
          if (hasTurn) release();
          return true;
        },
        abort(reason) {
          controller ??= new AbortController();
          controller.abort(reason);
        },
      };
      pending.set(key, one);
      if (active >= limit) await new Promise<void>((resolve) => turns.push(resolve));
      else active += 1;
      hasTurn = true;
      // It was cancelled while it waited.
      if (pending.get(key) !== one) release();
      return one;
    },
    find: (id) => pending.get(JSON.stringify(id) ?? ""),
    abortAll(reason) {
      for (const one of pending.values()) one.abort(reason);
    },
    idle: () => (pending.size === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve))),
  };
}
