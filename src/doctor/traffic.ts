import type { Side } from "./target.ts";

/** One server's share; the whole catalogue needs about half of it. */
export const maxRequestsPerTarget = 200;
export const maxRequestsAtOnce = 8;
const maxServerErrorsInARow = 3;

/** What came of the wish to send one request. */
export type Sent<Answer> =
  | { readonly kind: "sent"; readonly answer: Answer }
  /** Not sent: the budget is used up, or the server asked for peace. */
  | { readonly kind: "held"; readonly reason: string };

/** Counts the requests to one server, bounds how many are under way, and stops when the server has had enough. */
export interface Traffic {
  readonly requests: number;
  send<Answer>(
    side: Side,
    work: () => Promise<Answer>,
    statusOf: (answer: Answer) => number | undefined,
  ): Promise<Sent<Answer>>;
}

/** Lets `limit` holders in at a time. */
export interface Gate {
  enter(): Promise<() => void>;
}

export function createGate(limit: number): Gate {
  let inside = 0;
  const waiting: (() => void)[] = [];
  const leave = (): void => {
    inside -= 1;
    waiting.shift()?.();
  };
  return {
    async enter() {
      if (inside >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
      inside += 1;
      let left = false;
      return () => {
        if (!left) leave();
        left = true;
      };
    },
  };
}

/** Returns the traffic to one server. `gate` is shared by all servers of a run. */
export function createTraffic({
  gate,
  maxRequests = maxRequestsPerTarget,
}: {
  gate: Gate;
  maxRequests?: number;
}): Traffic {
  let requests = 0;
  const peace = { tailnet: createPeace(), public: createPeace() };
  return {
    get requests() {
      return requests;
    },
    async send(side, work, statusOf) {
      const leave = await gate.enter();
      try {
        const reason =
          peace[side].broken ??
          (requests >= maxRequests ? `${maxRequests} requests are enough for one run` : undefined);
        if (reason !== undefined) return { kind: "held", reason };
        requests += 1;
        const answer = await work();
        peace[side].hear(statusOf(answer));
        return { kind: "sent", answer };
      } finally {
        leave();
      }
    },
  };
}

/** A server that answers 429, or 5xx three times in a row, is left alone from then on. */
function createPeace(): { readonly broken: string | undefined; hear(status: number | undefined): void } {
  let errorsInARow = 0;
  let broken: string | undefined;
  return {
    get broken() {
      return broken;
    },
    hear(status) {
      if (status === undefined) return;
      errorsInARow = status >= 500 ? errorsInARow + 1 : 0;
      if (status === 429) broken = "the server asks for fewer requests (429)";
      else if (errorsInARow >= maxServerErrorsInARow)
        broken = `the server fails (${status}, ${errorsInARow} times in a row)`;
    },
  };
}
