import { type ClientRequest, request } from "node:http";
import { onTestFinished } from "vitest";
import type { Ask, Front } from "./front.ts";

export interface StreamEvent {
  readonly id: string | undefined;
  readonly message: unknown;
}

export interface EventStream {
  readonly status: number;
  readonly request: ClientRequest;
  /** The next event, as soon as it is there; undefined at the end. */
  next(): Promise<StreamEvent | undefined>;
}

/** Sends a request, and returns once the head of a stream is there. */
export function openStream(
  front: Front,
  { from, session, body, method = "GET", headers = [] }: Ask,
): Promise<EventStream> {
  const lines = [
    ["host", "localhost"],
    ["accept", body === undefined ? "text/event-stream" : "application/json, text/event-stream"],
    ...(body === undefined ? [] : [["content-type", "application/json"] as const]),
    ...(from === undefined ? [] : [["x-forwarded-for", from] as const]),
    ...(session === undefined ? [] : [["mcp-session-id", session] as const]),
    ...headers,
  ];
  const socketPath = front.gateway.private.listen.slice("unix:".length);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      socketPath,
      method,
      path: "/mcp/notes",
      headers: lines.flat(),
      setHost: false,
      agent: false,
    });
    onTestFinished(() => void outgoing.destroy());
    outgoing.once("error", reject);
    outgoing.once("response", (response) => {
      response.on("error", () => {});
      const events = eventsOf(response);
      resolve({
        status: response.statusCode ?? 0,
        request: outgoing,
        next: async () => {
          const { value, done } = await events.next();
          return done === true ? undefined : value;
        },
      });
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function* eventsOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<StreamEvent, undefined> {
  let text = "";
  try {
    for await (const chunk of chunks) {
      text += chunk.toString();
      for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) yield { id: /^id: (.*)$/m.exec(block)?.[1], message: JSON.parse(data) };
      }
    }
  } catch {
    // A stream that is cut is a stream that has ended.
  }
  return undefined;
}
