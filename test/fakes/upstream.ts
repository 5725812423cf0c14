import type {
  OnMessage,
  Upstream,
  UpstreamCall,
  UpstreamCaller,
  UpstreamSession,
} from "../../src/gateway/upstream/upstream.ts";
import type { JsonObject } from "../../src/mcp/json.ts";
import type { RequestMessage, ResponseMessage } from "../../src/mcp/message.ts";

/** What came to the upstream, in the order in which it came. */
export interface Reached {
  readonly what: "open" | "request" | "notify" | "respond" | "listen" | "end" | "resume";
  readonly by: string;
  readonly message?: unknown;
}

export interface FakeUpstream extends Upstream {
  readonly reached: readonly Reached[];
  /** Says something on every stream that listens. */
  say(message: Parameters<OnMessage>[0], eventId?: string): void;
}

/** How the upstream answers a method; a function also sees the call, and may say something first. */
export type Answers = Readonly<
  Record<string, JsonObject | ((request: RequestMessage, call: UpstreamCall) => JsonObject | Promise<JsonObject>)>
>;

/** Returns an upstream that is nothing but answers, so that what the front asks and lets through can be seen. */
export function fakeUpstream(name: string, answers: Answers): FakeUpstream {
  const reached: Reached[] = [];
  const listeners = new Set<OnMessage>();
  const answer = async (request: RequestMessage, call: UpstreamCall): Promise<ResponseMessage> => {
    reached.push({ what: "request", by: call.caller.key, message: request });
    const found = answers[request.method];
    if (found === undefined) {
      return { kind: "response", id: request.id, outcome: { error: { code: -32601, message: "Method not found" } } };
    }
    const result = typeof found === "function" ? await found(request, call) : found;
    return { kind: "response", id: request.id, outcome: { result } };
  };
  const session = (handle: string, { key: by }: UpstreamCaller): UpstreamSession => ({
    handle,
    request: answer,
    notify: (message) => void reached.push({ what: "notify", by, message }),
    respond: (message) => void reached.push({ what: "respond", by, message }),
    listen({ onMessage, signal, after }) {
      reached.push({ what: "listen", by, message: after });
      listeners.add(onMessage);
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          listeners.delete(onMessage);
          resolve("ended");
        });
      });
    },
    end: async () => void reached.push({ what: "end", by }),
  });
  let opened = 0;
  return {
    name,
    reached,
    state: () => "ready",
    async open(message, { caller }) {
      reached.push({ what: "open", by: caller.key, message });
      opened += 1;
      const result = {
        protocolVersion: message.params?.protocolVersion ?? "2025-11-25",
        capabilities: {
          tools: { listChanged: true },
          experimental: { secret: {} },
          extensions: { "io.modelcontextprotocol/ui": {}, "com.example/secret": {} },
        },
        serverInfo: { name, version: "1" },
      };
      return { kind: "opened", session: session(`s${opened}`, caller), result };
    },
    resume(handle, caller) {
      reached.push({ what: "resume", by: caller.key, message: handle });
      return /^s\d+$/.test(handle) ? session(handle, caller) : undefined;
    },
    request: answer,
    close: async () => {},
    say: (message, eventId) => {
      for (const listener of listeners) listener(message, eventId);
    },
  };
}
