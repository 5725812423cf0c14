import { randomBytes } from "node:crypto";
import type { JsonObject } from "../../../mcp/json.ts";
import { objectAt } from "../../../mcp/json.ts";
import type { MessageId, RequestMessage } from "../../../mcp/message.ts";

interface Question<Owner> {
  /** The child's own id. */
  readonly asked: MessageId;
  readonly token: unknown;
  readonly owner: Owner;
}

/** What a child asks callers: each under an id that nobody else knows, so that only who was asked can answer. */
export interface Questions<Owner> {
  /** Returns the request as the caller is to see it; undefined when too many are open already. */
  add(question: {
    id: MessageId;
    method: string;
    params: JsonObject | undefined;
    owner: Owner;
  }): RequestMessage | undefined;
  /** Returns the child's id of what `owner` was asked as `id`, once. */
  take(id: MessageId | null, owner: Owner): MessageId | undefined;
  /** Returns whom the child asked under its own id, and as what. */
  cancel(asked: unknown): { readonly id: MessageId; readonly owner: Owner } | undefined;
  /** True when the child gave `owner` that progress token. */
  isTokenOf(owner: Owner, token: unknown): boolean;
  /** True while `owner` owes the child an answer. */
  isOpenFor(owner: Owner): boolean;
  drop(id: MessageId): void;
  /** Returns the child's ids of what `owner` has not answered, and forgets them. */
  dropAll(owner: Owner): readonly MessageId[];
}

/** A child that asks more at once is not waiting for the answers. */
const maxOpen = 1_000;

export function createQuestions<Owner>(): Questions<Owner> {
  const open = new Map<MessageId, Question<Owner>>();
  // Another one for each child, so that an answer to one that is gone means nothing to the next.
  const prefix = `tsmcp-${randomBytes(6).toString("hex")}`;
  let lastId = 0;
  return {
    add({ id, method, params, owner }) {
      if (open.size >= maxOpen) return undefined;
      lastId += 1;
      const told = `${prefix}-${lastId}`;
      open.set(told, { asked: id, token: objectAt(params, "_meta")?.progressToken, owner });
      return { kind: "request", id: told, method, params };
    },
    take(id, owner) {
      const question = id === null ? undefined : open.get(id);
      if (id === null || question?.owner !== owner) return undefined;
      open.delete(id);
      return question.asked;
    },
    cancel(asked) {
      for (const [id, question] of open) {
        if (question.asked !== asked) continue;
        open.delete(id);
        return { id, owner: question.owner };
      }
      return undefined;
    },
    isTokenOf(owner, token) {
      if (token === undefined) return false;
      return [...open.values()].some((question) => question.owner === owner && question.token === token);
    },
    isOpenFor: (owner) => [...open.values()].some((question) => question.owner === owner),
    drop: (id) => void open.delete(id),
    dropAll(owner) {
      const mine = [...open].filter(([, question]) => question.owner === owner);
      for (const [id] of mine) open.delete(id);
      return mine.map(([, { asked }]) => asked);
    },
  };
}
