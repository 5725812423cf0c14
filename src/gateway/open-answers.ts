import type { ServerResponse } from "node:http";
import { createNumbered } from "../core/numbered.ts";
import type { Served } from "./visit.ts";

/** The answers that are on their way to callers of the tailnet view, and which of them are streams without an end of their own. */
export interface OpenAnswers {
  /** Keeps it until it is over. */
  add(response: ServerResponse, from: Served, kind: "call" | "stream"): void;
  /** Of that upstream, or of all. */
  readonly count: (kind: "call" | "stream", from?: Served) => number;
  /** Ends the streams as a server does that has nothing more to say: their callers ask anew. */
  endStreams(from?: Served): void;
  /** Ends all streams, and from now on every new one at once. */
  close(): void;
  /** Resolves when no call is on its way any more, and after `limitMs` at the latest. */
  drained(limitMs: number, from?: Served): Promise<void>;
}

interface Open {
  readonly id: number;
  readonly response: ServerResponse;
  readonly from: Served;
  kind: "call" | "stream";
}

export function createOpenAnswers({ onStream }: { readonly onStream: () => void }): OpenAnswers {
  const open = createNumbered<Open>();
  const waiting = new Set<() => void>();
  const some = (kind: Open["kind"], from: Served | undefined): Open[] =>
    open.all().filter((one) => one.kind === kind && (from === undefined || one.from === from));
  const count = (kind: Open["kind"], from?: Served): number => some(kind, from).length;
  const endStreams = (from?: Served): void => {
    for (const { response } of some("stream", from)) endCleanly(response);
  };
  let isClosed = false;
  return {
    add(response, from, kind) {
      if (response.closed) return;
      // Some turn out to be a stream once their body is read, and no stream turns into a call.
      const known = kind === "stream" ? open.all().find((one) => one.response === response) : undefined;
      if (known !== undefined) known.kind = kind;
      else {
        const one = open.add((id) => ({ id, response, from, kind }));
        response.once("close", () => {
          open.remove(one);
          for (const look of waiting) look();
        });
      }
      if (kind === "stream") onStream();
      if (isClosed && kind === "stream") endCleanly(response);
    },
    count,
    endStreams,
    close() {
      isClosed = true;
      endStreams();
    },
    drained(limitMs, from) {
      return new Promise((resolve) => {
        const look = (): void => {
          if (count("call", from) > 0) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve();
        };
        const timer = setTimeout(() => {
          waiting.delete(look);
          resolve();
        }, limitMs);
        waiting.add(look);
        look();
      });
    },
  };
}

function endCleanly(response: ServerResponse): void {
  if (response.headersSent) response.end();
  else response.destroy();
}
