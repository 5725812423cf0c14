import { type JsonObject, stringAt } from "./json.ts";
import type { RequestMessage } from "./message.ts";

/** What the agent set in its session, to be set again in the next one. */
export interface Restoration {
  /** Notes a request that the server granted. */
  granted(request: RequestMessage): void;
  /** Returns the requests that bring a new session to the same state. */
  requests(): readonly { readonly method: string; readonly params: JsonObject }[];
}

export function createRestoration(): Restoration {
  const subscriptions = new Map<string, JsonObject>();
  let level: JsonObject | undefined;
  return {
    granted({ method, params = {} }) {
      const uri = stringAt(params, "uri");
      if (method === "logging/setLevel") level = params;
      else if (method === "resources/subscribe" && uri !== undefined) subscriptions.set(uri, params);
      else if (method === "resources/unsubscribe" && uri !== undefined) subscriptions.delete(uri);
    },
    requests: () => [
      ...(level === undefined ? [] : [{ method: "logging/setLevel", params: level }]),
      ...[...subscriptions.values()].map((params) => ({ method: "resources/subscribe", params })),
    ],
  };
}
