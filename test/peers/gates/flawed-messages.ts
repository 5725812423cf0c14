import { type FlawedGate, hasEveryHeader, isServe } from "./flawed.ts";
import { methodOf, type Seen, startPlainGate } from "./plain-server.ts";

/** Gates that look at a message otherwise than the server behind them. `passes` says what they let through unlooked-at. */
export const messageGates: readonly FlawedGate[] = [
  gate("looks for tools/list in the bytes", ({ raw }) => !raw.includes('"tools/list"')),
  gate("looks for the key and the value side by side", ({ raw }) => !/"method":"(tools|prompts)/.test(String(raw))),
  gate("looks at single messages only", ({ raw }) => methodOf(raw) === undefined || raw[0] === 0x5b),
  gate("looks at the first message of a batch", ({ raw }) => methodOf(raw) !== "tools/list"),
  gate("takes the first of two methods", ({ raw }) => /"method":"([^"]*)"/.exec(String(raw))?.[1] !== "tools/list"),
  gate("knows keys in small letters", ({ raw }) => methodOf(raw) === undefined, { foldsKeys: true }),
  gate("passes on what it cannot parse", ({ raw }) => methodOf(raw) === undefined),
  gate("passes on what is compressed", ({ request }) => request.headers["content-encoding"] !== undefined),
  gate("passes on what is long", ({ raw }) => raw.length > 65_536),
  gate("passes on what has no Content-Length", ({ request }) => request.headers["content-length"] === undefined),
  gate("believes Mcp-Method", ({ request }) => {
    const method = request.headers["mcp-method"];
    return method !== undefined && method !== "tools/list";
  }),
  gate("looks at JSON by its content type", ({ request }) => request.headers["content-type"] !== "application/json"),
  gate("looks at POST alone", ({ request }) => request.method !== "POST"),
  gate("looks at plain answers alone", ({ request }) => request.headers.accept === "text/event-stream"),
  gate(
    "looks at new protocol versions alone",
    ({ request }) => request.headers["mcp-protocol-version"] === "2024-11-05",
  ),
  gate("believes X-HTTP-Method-Override", ({ request }) => request.headers["x-http-method-override"] === "GET"),
];

function gate(name: string, passes: (seen: Seen) => boolean, more: { readonly foldsKeys?: boolean } = {}): FlawedGate {
  return {
    name,
    found: "separation.messages",
    start: ({ path, tools }) => {
      const trusts = (seen: Seen): boolean => (hasEveryHeader(seen.request) && isServe(seen.request)) || passes(seen);
      return startPlainGate({ path, tools, trusts, ...more });
    },
  };
}
