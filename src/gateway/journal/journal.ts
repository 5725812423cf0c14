import type { IncomingMessage, ServerResponse } from "node:http";
import { stringAt } from "../../mcp/json.ts";
import type { Message, RequestMessage, ResponseMessage } from "../../mcp/message.ts";
import { ownCodes } from "../../mcp/own-codes.ts";
import type { Caller } from "../identities.ts";
import { deniedCode } from "../screen-request.ts";
import type { UpstreamCaller } from "../upstream/upstream.ts";
import { type Decision, decisionOf } from "./decision.ts";

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
}

export type Observer = (entry: Entry) => void;

/** What becomes known of one request while it is answered. */
export interface Note {
  /** The caller gets what the internet gets. */
  asPublic(): void;
  visitor(caller: Caller, upstream: string): void;
  asked(messages: readonly Message[], bytes: number): void;
  answered(request: RequestMessage, outcome: ResponseMessage["outcome"]): void;
  stream(): void;
}

/** Tells observers of every request, once it is over. */
export interface Journal {
  begin(side: Side, request: IncomingMessage, response: ServerResponse): Note;
}

export function createJournal(observers: readonly Observer[]): Journal {
  return {
    begin(side, request, response) {
      const atMs = Date.now();
      const startMs = performance.now();
      const { socket } = request;
      const bytesBefore = socket.bytesWritten;
      const outcomes = new Map<RequestMessage, Outcome>();
      let view = side;
      let caller: Caller | undefined;
      let upstream: string | undefined;
      let requests: readonly RequestMessage[] = [];
      let bytesIn = 0;
      let isStream = false;
      response.once("close", () => {
        const durationMs = performance.now() - startMs;
        const bytesOut = socket.bytesWritten - bytesBefore;
        const { statusCode: status } = response;
        const byStatus = outcomeOf(response, { isStream, view });
        const rights = caller === undefined || upstream === undefined ? undefined : caller.rightsOn(upstream);
        const known = { atMs, durationMs, view, caller, upstream, status, bytesIn, bytesOut, isStream };
        const traceparent = view === "private" ? headerOf(request, "traceparent") : undefined;
        for (const one of requests.length === 0 ? [undefined] : requests) {
          const outcome = (one === undefined ? undefined : outcomes.get(one)) ?? byStatus;
          const decision = decisionOf(one, { rights, isRefused: outcome === "refused" });
          const entry = { ...known, request: one, decision, outcome, traceparent };
          for (const observe of observers) observe(entry);
        }
      });
      return {
        asPublic() {
          view = "public";
        },
        visitor(found, name) {
          caller = found;
          upstream = name;
        },
        asked(messages, bytes) {
          requests = messages.filter((message) => message.kind === "request");
          bytesIn = bytes;
        },
        answered: (one, outcome) => void outcomes.set(one, outcomeIn(outcome)),
        stream() {
          isStream = true;
        },
      };
    },
  };
}

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
