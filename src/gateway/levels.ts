import type { HttpServer } from "../net/http-server.ts";
import type { Levels } from "./journal/metrics.ts";
import type { OpenAnswers } from "./open-answers.ts";
import type { Front, Served } from "./visit.ts";

/** Returns how to read what is open and running now. */
export function levelsOf(from: {
  readonly front: Front;
  readonly inner: () => HttpServer | undefined;
  readonly outer: () => HttpServer | undefined;
  readonly open: OpenAnswers;
  readonly upstreams: ReadonlyMap<string, Served>;
  readonly droppedLines: () => number;
}): Levels {
  const { front, inner, outer, open, upstreams, droppedLines } = from;
  return {
    connections: () => ({ private: inner()?.connections() ?? 0, public: outer()?.connections() ?? 0 }),
    sessions: () => front.sessions.size(),
    streams: () => open.count("stream"),
    upstreams: () =>
      [...upstreams].map(([name, served]) => ({
        name,
        isUp: served.upstream.state() !== "failing",
        children: served.upstream.children?.() ?? 0,
        inFlight: open.count("call", served),
      })),
    droppedLines,
  };
}
