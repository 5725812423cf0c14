import type { Side } from "./target.ts";

/** One server's share of a run. */
export const maxRequestsPerTarget = 200;
/** Of these, forged ones have no more than so much: the rest is kept for what the verdict needs beside them. */
const forgedShare = 0.75;
export const maxRequestsAtOnce = 8;
const maxServerErrorsInARow = 3;

/** What came of the wish to send one request. */
export type Sent<Answer> =
  | { readonly kind: "sent"; readonly answer: Answer }
  /** Not sent: the budget is used up, or the server asked for peace. */
  | { readonly kind: "held"; readonly reason: string };

/** One request to send, and how to read what came of it. */
export interface Request<Answer> {
  readonly side: Side;
  /** Whether it pretends to be another: a server may stumble over that alone, and still be well. */
  readonly isForged: boolean;
  /** Ends what an earlier one began: sent as long as there is anything left. */
  readonly isEnd?: boolean;
  readonly work: () => Promise<Answer>;
  /** An ordinary request to the same place, which tells whether the server is well. */
  readonly ask: () => Promise<Answer>;
  readonly outcomeOf: (answer: Answer) => { readonly status: number | undefined; readonly reached: boolean };
}

/** Counts the requests to one server, bounds how many are under way, and stops when the server has had enough. */
export interface Traffic {
  readonly requests: number;
  /** What the server asked for, and is given for the rest of the run. */
  readonly peace: string | undefined;
  send<Answer>(request: Request<Answer>): Promise<Sent<Answer>>;
  /** Gives the server's share anew, for another look at what was still coming up. What it asked for stays. */
  beginRound(): void;
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
  let requestsInRound = 0;
  let forgedInRound = 0;
  const maxForged = Math.ceil(maxRequests * forgedShare);
  const peace = { tailnet: createPeace(), public: createPeace() };
  const tally = (isForged: boolean, sign: 1 | -1): void => {
    requests += sign;
    requestsInRound += sign;
    if (isForged) forgedInRound += sign;
  };
  const count = async <Answer>({ outcomeOf, isForged }: Request<Answer>, work: () => Promise<Answer>) => {
    tally(isForged, 1);
    const answer = await work();
    const outcome = outcomeOf(answer);
    // What never got to the server was no request to it.
    if (!outcome.reached) tally(isForged, -1);
    return { answer, status: outcome.status };
  };
  const usedUp = ({ isForged, isEnd = false }: Pick<Request<unknown>, "isForged" | "isEnd">): string | undefined => {
    if (requestsInRound >= maxRequests) return `${maxRequests} requests are enough for one run`;
    if (isForged && !isEnd && forgedInRound >= maxForged) return `${maxForged} forged requests are enough for one run`;
    return undefined;
  };
  return {
    get requests() {
      return requests;
    },
    get peace() {
      return peace.public.broken ?? peace.tailnet.broken;
    },
    beginRound() {
      requestsInRound = 0;
      forgedInRound = 0;
    },
    async send(request) {
      const leave = await gate.enter();
      try {
        const side = peace[request.side];
        if (request.isForged && side.isDoubtful && side.broken === undefined) {
          side.hear({ ...(await count(request, request.ask)), isForged: false });
        }
        const reason = side.broken ?? usedUp(request);
        if (reason !== undefined) return { kind: "held", reason };
        const { answer, status } = await count(request, request.work);
        side.hear({ status, isForged: request.isForged });
        return { kind: "sent", answer };
      } finally {
        leave();
      }
    },
  };
}

interface Peace {
  readonly broken: string | undefined;
  /** Forged requests alone failed; whether the server is well must be asked without a disguise. */
  readonly isDoubtful: boolean;
  hear(heard: { readonly status: number | undefined; readonly isForged: boolean }): void;
}

/**
 * A server that answers 429, or 5xx three times in a row, is left alone from then on. A forged request may be one that the
 * server stumbles over, so those count apart, and end nothing before an ordinary one has failed too.
 */
function createPeace(): Peace {
  let errorsInARow = 0;
  let forgedErrorsInARow = 0;
  let broken: string | undefined;
  return {
    get broken() {
      return broken;
    },
    get isDoubtful() {
      return forgedErrorsInARow >= maxServerErrorsInARow;
    },
    hear({ status, isForged }) {
      if (status === undefined) return;
      const isError = status >= 500;
      if (status === 429) broken = "the server asks for fewer requests (429)";
      if (isForged) {
        forgedErrorsInARow = isError ? forgedErrorsInARow + 1 : 0;
        return;
      }
      const failedBefore = forgedErrorsInARow >= maxServerErrorsInARow;
      forgedErrorsInARow = 0;
      errorsInARow = isError ? errorsInARow + 1 : 0;
      if (isError && (failedBefore || errorsInARow >= maxServerErrorsInARow)) {
        broken = `the server fails (${status}, ${maxServerErrorsInARow} times in a row)`;
      }
    },
  };
}
