import type { IncomingMessage, ServerResponse } from "node:http";
import { stringAt } from "../../mcp/json.ts";
import type { Message, RequestMessage, ResponseMessage } from "../../mcp/message.ts";
import { ownCodes } from "../../mcp/own-codes.ts";
import type { Caller } from "../identities.ts";
import { deniedCode } from "../screen-request.ts";
import type { UpstreamCaller } from "../upstream/upstream.ts";
import { type Decision, decisionOf } from "./decision.ts";
import { belowSpan, type TraceParent } from "./trace-context.ts";

export type Side = "private" | "public";

/**
 * `refused`: the caller may not. `invalid`: it is no request that could be answered. `failed`: the server could not be asked
 * or did not answer. `error`: the server's own. `gone`: the caller did not wait.
 */
export type Outcome = "ok" | "error" | "refused" | "invalid" | "failed" | "gone";

/** What is told of one request of HTTP, or of each of the messages in it. */
export interface Entry {
  /** When it came, in milliseconds of the epoch. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly view: Side;
  /** Undefined on the public view, where nobody has a name. */
  readonly caller: UpstreamCaller | undefined;
  /** Of those that are configured. */
  readonly upstream: string | undefined;
  readonly request: RequestMessage | undefined;
  readonly decision: Decision;
  readonly outcome: Outcome;
  readonly status: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** It went on for as long as the caller listened. */
  readonly isStream: boolean;
  readonly traceparent: string | undefined;
  /** As the server was told of it; undefined where none was. */
  readonly span: TraceParent | undefined;
}

/** What is known of a request when it goes on to a server. */
export type Begun = Pick<Entry, "atMs" | "view" | "traceparent" | "request">;

/** Begins the span of a request, and returns what names it. */
export type OpenSpan = (begun: Begun) => TraceParent;

export type Observer = (entry: Entry) => void;

/** What becomes known of one request while it is answered. */
export interface Note {
  /** The caller gets what the internet gets. */
  asPublic(): void;
  /** Who it is, and what it is about as soon as that is known. */
  visitor(caller: Caller, upstream?: string): void;
  /** The internet may call this, on an upstream. */
  opened(upstream: string): void;
  /** It gets no further, for this reason. */
  denied(rule: string): void;
  asked(messages: readonly Message[], bytes: number): void;
  /** Returns what goes on to a server in the place of what was asked, with the span that it belongs to. */
  passedOn(asked: RequestMessage, screened: RequestMessage): RequestMessage;
  answered(request: RequestMessage, outcome: ResponseMessage["outcome"]): void;
  failed(request: RequestMessage): void;
  stream(): void;
}

/** Tells observers of every request, once it is over. */
export interface Journal {
  begin(side: Side, request: IncomingMessage, response: ServerResponse): Note;
}

export function createJournal(observers: readonly Observer[], openSpan?: OpenSpan): Journal {
  return {
    begin(side, request, response) {
      const atMs = Date.now();
      const startMs = performance.now();
      const { socket } = request;
      const bytesBefore = socket.bytesWritten;
      const traceparent = side === "private" ? headerOf(request, "traceparent") : undefined;
      /** In the order of `requests`, as the spans. */
      const outcomes: Outcome[] = [];
      const spans: TraceParent[] = [];
      let view = side;
      let caller: Caller | undefined;
      let upstream: string | undefined;
      let decided: Decision | undefined;
      let requests: readonly RequestMessage[] = none;
      let bytesIn = 0;
      let isStream = false;
      response.once("close", () => {
        const durationMs = performance.now() - startMs;
        const bytesOut = socket.bytesWritten - bytesBefore;
        const { statusCode: status } = response;
        const byStatus = outcomeOf(response, { isStream, view });
        const rights = caller === undefined || upstream === undefined ? undefined : caller.rightsOn(upstream);
        const tell = (one: RequestMessage | undefined, known: Outcome, span: TraceParent | undefined): void => {
          // Some refusals look like an answer.
          const outcome = known === "ok" && decided?.allowed === false ? "refused" : known;
          const decision = decided ?? decisionOf(one, { rights, isRefused: outcome === "refused" });
          // Spelt out: what a spread begins and others go on is an object like no other in Node.js 20 (see core/stop.ts).
          const entry: Entry = {
            atMs,
            durationMs,
            view,
            caller,
            upstream,
            request: one,
            decision,
            outcome,
            status,
            bytesIn,
            bytesOut,
            isStream,
            traceparent,
            span,
          };
          for (const observe of observers) observe(entry);
        };
        if (requests.length === 0) tell(undefined, byStatus, undefined);
        for (const [at, one] of requests.entries()) tell(one, outcomes[at] ?? byStatus, spans[at]);
      });
      return {
        asPublic() {
          view = "public";
        },
        visitor(found, name) {
          caller = found;
          upstream = name;
        },
        opened(name) {
          upstream = name;
          decided = { allowed: true, rule: "gateway.publicTools" };
        },
        denied(rule) {
          // The first reason is the nearest.
          if (decided?.allowed !== false) decided = { allowed: false, rule };
        },
        asked(messages, bytes) {
          requests = messages.filter((message) => message.kind === "request");
          bytesIn = bytes;
        },
        passedOn(one, screened) {
          if (openSpan === undefined) return screened;
          const span = openSpan({ atMs, view, traceparent, request: one });
          spans[requests.indexOf(one)] = span;
          return belowSpan(screened, span);
        },
        answered(one, outcome) {
          outcomes[requests.indexOf(one)] = outcomeIn(outcome);
        },
        failed(one) {
          outcomes[requests.indexOf(one)] = "failed";
        },
        stream() {
          isStream = true;
        },
      };
    },
  };
}

const none: readonly RequestMessage[] = [];

function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}

function outcomeOf(response: ServerResponse, { isStream, view }: { isStream: boolean; view: Side }): Outcome {
  if (isStream && response.headersSent && response.statusCode === 200) return "ok";
  if (!response.writableFinished) return "gone";
  const { statusCode } = response;
  if (statusCode < 400) return "ok";
  if (statusCode >= 500) return "failed";
  return view === "public" || refusals.has(statusCode) ? "refused" : "invalid";
}

const refusals = new Set([403, 404, 405, 429]);

const failures: ReadonlySet<number> = new Set(Object.values(ownCodes));

function outcomeIn(outcome: ResponseMessage["outcome"]): Outcome {
  if (!("error" in outcome)) return "ok";
  const { code } = outcome.error;
  if (code === deniedCode) return "refused";
  return failures.has(code) ? "failed" : "error";
}

/** Returns the tool, prompt or resource that a request is about. */
export function subjectOf({ method, params }: RequestMessage): string | undefined {
  if (method === "tools/call" || method === "prompts/get") return stringAt(params, "name");
  return method.startsWith("resources/") ? stringAt(params, "uri") : undefined;
}
