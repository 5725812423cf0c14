import type { StopSignal } from "../../../core/stop.ts";
import { timeoutSignal } from "../../../core/timeout-signal.ts";
import type { Answer } from "../../../mcp/endpoint.ts";
import { objectAt, stringAt } from "../../../mcp/json.ts";
import { messageText, type RequestMessage } from "../../../mcp/message.ts";
import type { Header } from "../../../net/http-message.ts";
import { readTraceParent } from "../../journal/trace-context.ts";
import type { UpstreamCaller } from "../upstream.ts";
import type { HttpConnection } from "./connection.ts";
import { identityHeaders } from "./identity-headers.ts";
import { type Stage, startStage } from "./stage.ts";

interface Asked {
  readonly headers: readonly Header[];
  readonly caller: UpstreamCaller;
}

/** What goes to one server, in whose name, and for how long it is waited for. */
export interface Asker {
  /** Sends a request; `read` has its answer, for as long as that takes. */
  post<T>(
    request: RequestMessage,
    asked: Asked & { readonly signal: StopSignal; readonly isOpening?: boolean },
    read: (answer: Answer, stage: Stage) => Promise<T>,
  ): Promise<T>;
  /** Sends what has no answer. */
  tell(body: Buffer, asked: Asked): Promise<void>;
  listen(asked: Asked & { readonly signal: StopSignal }): Promise<Answer>;
  /** Ends a session; nobody waits for what comes of it. */
  end(asked: Asked): Promise<void>;
}

export interface Limits {
  /** Until the server answered `initialize`. */
  readonly openingMs: number;
  /** Until the head of any other answer, or the whole of one without a stream. */
  readonly answerMs: number;
  /** For what has no answer. */
  readonly briefMs: number;
}

export function createAsker({
  connection,
  limits,
  tellsCaller,
}: {
  readonly connection: HttpConnection;
  readonly limits: Limits;
  readonly tellsCaller: boolean;
}): Asker {
  const { endpoint } = connection;
  const headersFor = ({ headers, caller }: Asked): readonly Header[] =>
    tellsCaller ? [...headers, ...identityHeaders(caller)] : headers;
  return {
    async post(request, asked, read) {
      const stage = startStage(asked.signal, asked.isOpening === true ? limits.openingMs : limits.answerMs);
      const body = messageText(request);
      const headers = [...headersFor(asked), ...traceHeader(request)];
      try {
        const answer = await connection.reach(
          () => endpoint.post({ body, headers, signal: stage.signal }),
          stage.signal,
        );
        stage.arrived();
        return await read(answer, stage);
      } finally {
        stage.over();
      }
    },
    async tell(body, asked) {
      const signal = timeoutSignal(limits.briefMs);
      const headers = headersFor(asked);
      await connection.reach(() => endpoint.post({ body, headers, signal, isBrief: true }), signal);
    },
    async listen(asked) {
      const stage = startStage(asked.signal, limits.answerMs);
      try {
        return await endpoint.listen({ headers: headersFor(asked), signal: stage.signal });
      } finally {
        // The caller's signal goes on to end the stream.
        stage.arrived();
      }
    },
    async end(asked) {
      const signal = timeoutSignal(limits.briefMs);
      await endpoint.delete({ headers: headersFor(asked), signal }).catch(() => undefined);
    },
  };
}

/** Servers over HTTP look for it there. What is none would be somebody's own header. */
function traceHeader({ params }: RequestMessage): readonly Header[] {
  const text = stringAt(objectAt(params, "_meta"), "traceparent");
  return text === undefined || readTraceParent(text) === undefined ? [] : [["traceparent", text]];
}
