import { type IncomingHttpHeaders, request } from "node:http";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { UpstreamConfig } from "../../../src/config/config.ts";
import { type Log, silentLog } from "../../../src/core/log.ts";
import { Secret } from "../../../src/core/secrets.ts";
import { type Gateway, type GatewayOptions, type GatewayRules, startGateway } from "../../../src/gateway/gateway.ts";
import type { PinnedTool } from "../../../src/gateway/public/pins.ts";
import { createUpstream } from "../../../src/gateway/upstream/create.ts";
import type { Upstream } from "../../../src/gateway/upstream/upstream.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";
import type { FakeUpstream } from "../../fakes/upstream.ts";
import { type Nodes, ownAddress, startWhois } from "../../fakes/whois.ts";

/** Who has which address in the imitated tailnet. */
export const agentAddress = "100.64.0.1";
export const aliceAddress = "100.64.0.2";
export const strangerAddress = "100.64.0.3";

export function usualNodes(): Nodes {
  return {
    [agentAddress]: { StableID: "nAgent", login: "tagged-devices", tags: ["tag:agent"] },
    [aliceAddress]: { StableID: "nAlice", login: "alice@example.com" },
    [strangerAddress]: { StableID: "nStranger", login: "eve@elsewhere.example", shared: true },
    [ownAddress]: { StableID: "nSelf", login: "tagged-devices", tags: ["tag:server"] },
  };
}

export interface Front {
  readonly gateway: Gateway;
  readonly asked: readonly string[];
  /** What stands behind a name when it is configured anew. */
  readonly upstreams: Map<string, Upstream>;
  send(side: "private" | "public" | "admin", ask: Ask): Promise<Answer>;
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  /** In order, with whatever doubles. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly from?: string;
  readonly body?: unknown;
  readonly session?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: unknown;
}

/** Starts a gateway on sockets, in front of the upstreams. */
export async function startFront(options: {
  readonly upstreams: readonly FakeUpstream[];
  /** Which of them are configured from the start, and how; all of them, unless it is said. One with a URL is a real one. */
  readonly configured?: Readonly<Record<string, UpstreamConfig>>;
  readonly rules?: GatewayRules;
  readonly nodes?: Nodes;
  /** In the place of a tailscaled that knows `nodes`. */
  readonly socket?: string;
  readonly keys?: readonly [Secret, ...Secret[]];
  readonly single?: boolean;
  /** Served by the upstream that is called `NAME (public)`. */
  readonly pins?: readonly PinnedTool[];
  readonly log?: Log;
  readonly auditLines?: GatewayOptions["auditLines"];
}): Promise<Front> {
  const {
    upstreams,
    rules = {},
    nodes = usualNodes(),
    keys = [testKey],
    single = false,
    pins = [],
    log = silentLog,
  } = options;
  const known = new Map<string, Upstream>(upstreams.map((upstream) => [upstream.name, upstream]));
  const usual = [...known.keys()].filter((name) => !name.endsWith(" (public)")).map((name) => [name, {}]);
  const { configured = Object.fromEntries(usual) } = options;
  const { socket: whois, asked } = await startWhois(nodes);
  const directory = temporaryDirectory();
  const at = (name: string) => ({ kind: "unix", path: join(directory, name) }) as const;
  const gateway = await startGateway({
    upstreams: configured,
    rules,
    pins,
    plan: single
      ? { kind: "single", single: at("single"), admin: at("admin") }
      : { kind: "two", private: at("private"), public: at("public"), admin: at("admin") },
    socket: options.socket ?? whois,
    keys,
    world: { log, env: {}, cwd: directory, proxy: undefined },
    createUpstream: (name, config, own) => {
      const found = known.get(name);
      if (found === undefined && config.url !== undefined) return createUpstream(name, config, own);
      if (found === undefined) throw new Error(`no upstream ${name}`);
      return found;
    },
    log,
    auditLines: options.auditLines,
  });
  onTestFinished(() => gateway.close());
  return {
    gateway,
    asked,
    upstreams: known,
    send: (side, ask) => send(gateway[side].listen.slice("unix:".length), ask),
  };
}

export const testKey = new Secret("0123456789abcdef0123456789abcdef", "test");

const usualHeaders = [
  ["content-type", "application/json"],
  ["accept", "application/json, text/event-stream"],
] as const;

export function send(socketPath: string, ask: Ask): Promise<Answer> {
  const { method = "POST", path = "/mcp/notes", headers = usualHeaders, from, body, session } = ask;
  const all = [
    ["host", "localhost"],
    ...headers,
    ...(from === undefined ? [] : [["x-forwarded-for", from] as const]),
    ...(session === undefined ? [] : [["mcp-session-id", session] as const]),
  ];
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, headers: all.flat(), setHost: false, agent: false });
    outgoing.once("error", reject);
    outgoing.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: jsonOf(text) });
      });
    });
    outgoing.end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function rpc(method: string, params?: object, id: number | string = 1): object {
  return { jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) };
}

export const initialize = rpc("initialize", {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "test", version: "1" },
});

/** Opens a legacy session, and returns its id. */
export async function openSession(front: Front, from: string): Promise<string> {
  const { headers } = await front.send("private", { from, body: initialize });
  const id = headers["mcp-session-id"];
  if (typeof id !== "string") throw new Error("no session was opened");
  return id;
}
