/** One request as its bytes go to Funnel. */
export interface ForgedRequest {
  readonly bytes: Buffer;
  /** An answer to HEAD has no body. */
  readonly isHead: boolean;
}

export interface Forgery {
  /** The public name. */
  readonly host: string;
  /** Where the servers are. */
  readonly paths: readonly string[];
  /** Ids of sessions that somebody in the tailnet opened. */
  readonly sessions: readonly string[];
  /** Names of tools, as an insider knows them. */
  readonly tools: readonly string[];
  readonly seed: number;
}

/**
 * Returns a generator of requests as a stranger may forge them: who it is from, in every header that somebody believes, in
 * other cases, with underscores, doubled, folded and by the thousand; hosts, targets, methods, bodies and sessions. The same
 * seed gives the same requests. It sends neither CONNECT nor `*`, which make older versions of tailscaled spin.
 */
export function requestGenerator(forgery: Forgery): () => ForgedRequest {
  const random = mulberry32(forgery.seed);
  const chance = (share: number): boolean => random() < share;
  const pick = <Item>(items: readonly Item[]): Item => {
    const item = items[Math.floor(random() * items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  };
  const some = (most: number): number => Math.floor(random() * (most + 1));
  const identities = identityLines(forgery.host);
  const hosts = hostsOf(forgery.host);

  const spelled = (name: string): string => {
    const spelling = pick(["as it is", "as it is", "lower", "upper", "underscores", "one underscore"] as const);
    if (spelling === "lower") return name.toLowerCase();
    if (spelling === "upper") return name.toUpperCase();
    if (spelling === "underscores") return name.replaceAll("-", "_");
    return spelling === "one underscore" ? name.replace("-", "_") : name;
  };
  const identityLine = (): string[] => {
    const [name, values] = pick(identities);
    const line = `${spelled(name)}:${chance(0.05) ? "" : " "}${pick(values)}`;
    if (chance(0.1)) return [line, line];
    if (chance(0.05)) return [`${name}:`, ` ${pick(values)}`];
    return [line];
  };
  const filler = (): string[] => {
    if (!chance(0.06)) return [];
    const count = pick([90, 190, 199, 200, 990, 994, 995, 998, 1_000, 1_100, 1_300]);
    return Array.from({ length: count }, () => "a: b");
  };
  const message = (): string => {
    const text = JSON.stringify(pick(messages)(pick(forgery.tools), some(1_000)));
    if (!chance(0.1)) return text;
    return pick<(json: string) => string>([
      (json) => `[${json}]`,
      (json) => json.replace('"method"', '"method":"ping","method"'),
      (json) => json.replace('"method"', '"Method"'),
      (json) => json.replace("{", '{"__proto__":{"trusted":true},'),
      (json) => `\ufeff${json}`,
      (json) => `${json}${json}`,
      (json) => json.slice(0, -1),
      (json) => json.replace('"method"', '"\\u006dethod"'),
    ])(text);
  };
  const target = (): string => {
    const path = pick(forgery.paths);
    if (chance(0.85)) return path;
    return pick([
      `${path}/`,
      `/..${path}`,
      `/%2e%2e${path}`,
      `/public/..${path}`,
      `${path}?session=${pick(forgery.sessions)}`,
      `/${path}`,
      path.toUpperCase(),
      path.replace("m", "%6d"),
      `${path}/../../..${path}`,
      `https://${pick(hosts)}${path}`,
      "/metrics",
      "/",
    ]);
  };
  return () => {
    const method = chance(0.9) ? "POST" : pick(["GET", "DELETE", "PUT", "HEAD", "OPTIONS", "PATCH"]);
    const body = method === "POST" || chance(0.2) ? Buffer.from(message()) : Buffer.alloc(0);
    const lines = [
      `Host: ${chance(0.4) ? forgery.host : pick(hosts)}`,
      ...Array.from({ length: some(4) }, identityLine).flat(),
      ...(chance(0.9) ? ["Content-Type: application/json"] : [`Content-Type: ${pick(contentTypes)}`]),
      ...(chance(0.95) ? ["Accept: application/json, text/event-stream"] : []),
      ...(chance(0.15) ? [`${spelled("Mcp-Session-Id")}: ${pick(forgery.sessions)}`] : []),
      ...(chance(0.1) ? [pick(protocolLines)] : []),
      ...filler(),
      `Content-Length: ${body.length}`,
    ];
    const head = `${method} ${target()} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
    return { bytes: Buffer.concat([Buffer.from(head), body]), isHead: method === "HEAD" };
  };
}

/** Every header that some server believes, and values that it would believe. */
function identityLines(host: string): readonly (readonly [string, readonly string[]])[] {
  const logins = ["alice@example.com", "tagged-devices", "=?utf-8?q?alice=40example.com?="];
  const addresses = ["100.64.0.1", "100.64.0.2", "127.0.0.1", "::1", "fd7a:115c:a1e0::1", "100.64.0.1, 100.64.0.2"];
  const marks = ["?0", "", "false"];
  return [
    ["Tailscale-User-Login", logins],
    ["Tailscale-User-Name", ["Alice"]],
    ["Tailscale-App-Capabilities", ['{"example.com/cap/mcp":[{"tools":["*"]}]}', "{}"]],
    ["Tailscale-Headers-Info", ["https://tailscale.com/s/serve-headers"]],
    ["Tailscale-Funnel-Request", marks],
    ["X-Forwarded-For", addresses],
    ["X-Forwarded-Host", [`${host}:8443`, "localhost"]],
    ["X-Forwarded-Port", ["8443"]],
    ["X-Forwarded-Proto", ["http"]],
    ["X-Real-IP", addresses],
    ["X-Original-Host", [`${host}:8443`]],
    ["X-Tailscale-User", logins],
    ["Forwarded", ["for=100.64.0.1;host=localhost"]],
    ["True-Client-IP", addresses],
    ["Connection", ["Tailscale-Funnel-Request", "X-Forwarded-For, close", "keep-alive"]],
    ["Upgrade", ["websocket", "h2c"]],
    ["Origin", [`https://${host}:8443`, "null"]],
    ["Sec-Fetch-Site", ["same-origin", "none"]],
    ["Last-Event-ID", ["0"]],
    ["X-HTTP-Method-Override", ["GET", "DELETE"]],
  ];
}

function hostsOf(host: string): readonly string[] {
  const [label = host] = host.split(".");
  return [
    `${host}:8443`,
    `${host}:443`,
    `${host}:10000`,
    `${host}.`,
    host.toUpperCase(),
    `${host.toUpperCase()}:8443`,
    label,
    `${label}:8443`,
    "localhost",
    "localhost:8443",
    "127.0.0.1",
    "127.0.0.1:8443",
    "100.64.0.1",
    "100.64.0.1:8443",
    "[fd7a:115c:a1e0::1]:8443",
    "elsewhere.example",
  ];
}

const contentTypes = [
  "text/plain",
  "application/json-rpc",
  "application/json; charset=utf-16",
  "application/x-www-form-urlencoded",
];
const protocolLines = [
  "MCP-Protocol-Version: 2025-11-25",
  "MCP-Protocol-Version: 2026-07-28",
  "Mcp-Method: tools/list",
];

const modern = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

type Message = (tool: string, id: number) => object;

const messages: readonly Message[] = [
  ...Array.from({ length: 8 }, (): Message => (_tool, id) => ({ jsonrpc: "2.0", id, method: "tools/list" })),
  (name, id) => ({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: {} } }),
  (_tool, id) => ({ jsonrpc: "2.0", id, method: "tools/list", params: { _meta: modern } }),
  (name, id) => ({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: {}, _meta: modern } }),
  (_tool, id) => ({ jsonrpc: "2.0", id, method: "resources/list", params: { cursor: "1" } }),
  (_tool, id) => ({
    jsonrpc: "2.0",
    id,
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "stranger", version: "1" } },
  }),
];

/** A small generator of numbers whose course the seed decides. Source: public domain, Tommy Ettinger. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
