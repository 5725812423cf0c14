import type { IncomingMessage } from "node:http";
import { type FlawedGate, hasEveryHeader, isServe } from "./flawed.ts";
import { type Gate, startGate } from "./mcp-server.ts";
import { startPythonHttpGate } from "./python.ts";
import type { SoundGate } from "./sound.ts";
import { declaredBody, startWireServer, type WireHead, type WireOptions } from "./wire-server.ts";

export interface WireGate extends FlawedGate {
  /** Whether an ordinary look may stumble over it too. */
  readonly isErratic?: true;
}

/** Gates that fall to what no real host may be sent, and to nothing else: their headers are believed rightly. */
export const wireGates: readonly WireGate[] = [
  smuggled("leaves the body of a GET", { reads: (head) => (head.method === "GET" ? 0 : declaredBody(head)) }),
  smuggled("leaves the body of a DELETE", { reads: (head) => (head.method === "DELETE" ? 0 : declaredBody(head)) }),
  smuggled("leaves the body of a HEAD", { reads: (head) => (head.method === "HEAD" ? 0 : declaredBody(head)) }),
  smuggled("answers for paths that it does not know before their bodies are there", {
    refuses: ({ target }) => (target === "/tsmcp-doctor" ? 404 : undefined),
  }),
  smuggled("refuses another content type without a look at the body", {
    refuses: (head) => (isPost(head) && headerOf(head, "content-type") !== "application/json" ? 415 : undefined),
  }),
  smuggled("refuses another origin without a look at the body", {
    refuses: (head) => (headerOf(head, "origin") === undefined ? undefined : 403),
  }),
  smuggled("refuses a session that it does not know without a look at the body", {
    refuses: (head) => (headerOf(head, "mcp-session-id") === undefined ? undefined : 404),
  }),
  smuggled("refuses to be asked whether it wants the body, and does not read it", {
    refuses: (head) => (headerOf(head, "expect") === undefined ? undefined : 417),
  }),
  smuggled("takes Content_Length for the length", {
    reads: (head) => {
      const declared = declaredBody(head);
      return declared === "chunked" ? declared : Number(headerOf(head, "content_length") ?? declared);
    },
  }),
  smuggled("takes Transfer_Encoding for the encoding", {
    reads: (head) => (headerOf(head, "transfer_encoding") === "chunked" ? "chunked" : declaredBody(head)),
  }),
  smuggled("reads no more than 64 KiB of a body", { reads: (head) => limited(head, 1 << 16) }),
  smuggled("reads no more than 100 kB of a body", { reads: (head) => limited(head, 100_000) }),
  {
    name: "is Python's http.server on HTTP/1.1, which answers 404 without reading",
    found: "separation.smuggling",
    start: ({ path, tools }) => startPythonHttpGate({ path, tools }),
  },
  {
    name: "decides once for a connection",
    found: "separation.connection",
    // Which request a connection carries first is chance.
    isErratic: true,
    start: ({ path, tools }) => startGate({ gate: oncePerConnection(), path, tools }),
  },
  {
    name: "waits for one body at a time",
    found: "separation.unfinished",
    start: ({ path, tools }) => startWireServer({ path, tools, oneAtATime: true }),
  },
];

/** Gates with the same habits that do no harm. */
export const soundWireGates: readonly SoundGate[] = [
  { name: "reads every body", start: ({ path, tools }) => startWireServer({ path, tools }) },
  {
    name: "hangs up where it leaves a body",
    start: ({ path, tools }) =>
      startWireServer({ path, tools, refuses: ({ method }) => (method === "POST" ? undefined : 405), hangsUp: true }),
  },
  {
    name: "is Python's http.server on HTTP/1.0",
    start: ({ path, tools }) => startPythonHttpGate({ path, tools, version: "HTTP/1.0" }),
  },
  {
    name: "is Node's, for every flavour",
    start: ({ path, tools, flavour }) =>
      startGate({ gate: (request) => hasEveryHeader(request) && isServe(request), path, tools, flavour, bound: true }),
  },
];

function smuggled(name: string, habits: Pick<WireOptions, "reads" | "refuses">): WireGate {
  return {
    name,
    found: "separation.smuggling",
    start: ({ path, tools }) => startWireServer({ path, tools, ...habits }),
  };
}

function limited(head: WireHead, most: number): ReturnType<typeof declaredBody> {
  const declared = declaredBody(head);
  return declared === "chunked" ? declared : Math.min(declared, most);
}

function isPost({ method }: WireHead): boolean {
  return method === "POST";
}

function headerOf({ headers }: WireHead, name: string): string | undefined {
  return headers.get(name);
}

function oncePerConnection(): Gate {
  const trusted = new WeakMap<object, boolean>();
  return (request: IncomingMessage) => {
    const known = trusted.get(request.socket) ?? (hasEveryHeader(request) && isServe(request));
    trusted.set(request.socket, known);
    return known;
  };
}
