import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GatewayConfig } from "../../src/config/config.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import type { Tailnet } from "../tailnet/harness/tailnet.ts";
import { until } from "../tailnet/harness/until.ts";
import { type Visited, visit } from "../tailnet/harness/visit.ts";
import { type Running, startTsmcp } from "./tsmcp.ts";

/** What `tsmcp gateway --json` prints. */
export interface GatewayJson {
  readonly private: { readonly listen: string; readonly target: string };
  readonly public: { readonly listen: string; readonly target: string };
  readonly admin: { readonly listen: string };
  readonly paths: readonly string[];
  readonly publicTools: readonly string[];
}

export interface GatewayProcess extends AsyncDisposable {
  readonly running: Running;
  readonly json: GatewayJson;
  readonly configFile: string;
  readonly log: () => string;
}

/** Starts `bin/tsmcp gateway` beside a node's daemon, and returns once it listens. */
export async function startGateway(
  tailnet: Tailnet,
  node: TailnetNode,
  { home, gateway }: { readonly home: string; readonly gateway: GatewayConfig },
): Promise<GatewayProcess> {
  const configFile = join(home, "tsmcp.config.json");
  writeFileSync(configFile, JSON.stringify({ gateway }), { mode: 0o600 });
  const env = { ...tailnet.env(), HOME: home };
  const args = ["gateway", "--json", "--config", configFile, "--socket", node.socket];
  const running = startTsmcp(args, { env, workspace: home });
  const said = { out: "", err: "" };
  running.child.stdout?.on("data", (text: string) => {
    said.out += text;
  });
  running.child.stderr?.on("data", (text: string) => {
    said.err += text;
  });
  const alive = (): void => {
    if (running.child.exitCode !== null) throw new Error(`the gateway ended: ${said.err}`);
  };
  const json = await until({ what: "the gateway to listen", alive, log: () => said.err }, async () => {
    return said.out.endsWith("}\n") ? (JSON.parse(said.out) as GatewayJson) : undefined;
  });
  return {
    running,
    json,
    configFile,
    log: () => said.err,
    async [Symbol.asyncDispose]() {
      running.child.kill("SIGTERM");
      await running.outcome;
    },
  };
}

/** Hands the two targets to stock tailscale, as the gateway says. */
export async function expose(node: TailnetNode, { private: inner, public: outer }: GatewayJson): Promise<void> {
  await node.serve({ port: 8443, target: inner.target });
  await node.funnel({ port: 443, target: outer.target });
}

export interface Asking {
  readonly url: string;
  readonly from?: TailnetNode;
  /** The words that start curl in a network of its own. */
  readonly within?: readonly string[];
  /** Which address of the machine curl is to call from. */
  readonly source?: string;
  readonly headers?: readonly string[];
}

const type = ["-H", "content-type: application/json", "-H", "accept: application/json, text/event-stream"];

/** Posts one message with stock curl; `-i`, so the head comes first in the body. */
export function post(
  tailnet: Tailnet,
  { url, from, within, source, headers = [] }: Asking,
  message: object,
): Promise<Visited> {
  const more = headers.flatMap((line) => ["-H", line]);
  const own = source === undefined ? [] : ["--interface", source];
  const args = ["-i", ...own, ...type, ...more, "--data-binary", JSON.stringify(message)];
  const way = { ...(from === undefined ? {} : { from }), ...(within === undefined ? {} : { within }) };
  return visit(tailnet, { url, args, ...way });
}

export const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "curl", version: "1" } },
};

export interface Sight {
  readonly server: string;
  readonly session: string | undefined;
  readonly tools: readonly string[];
}

/** Opens a session as an agent does, and returns what there is to see. */
export async function sightOf(tailnet: Tailnet, asking: Asking): Promise<Sight> {
  const opened = await answered(post(tailnet, asking, initialize));
  const session = /^mcp-session-id: (\S+)/im.exec(opened.head)?.[1];
  const headers = [...(asking.headers ?? []), ...(session === undefined ? [] : [`Mcp-Session-Id: ${session}`])];
  const listed = await answered(post(tailnet, { ...asking, headers }, { jsonrpc: "2.0", id: 2, method: "tools/list" }));
  const { serverInfo } = opened.json.result as { serverInfo: { name: string } };
  const { tools } = listed.json.result as { tools: { name: string }[] };
  return { server: serverInfo.name, session, tools: tools.map(({ name }) => name) };
}

/** Returns the status, head and JSON of an answer. Throws when there was none. */
export async function answered(
  visiting: Promise<Visited>,
): Promise<{ status: number; head: string; json: { result?: unknown; error?: { code: number; message: string } } }> {
  const visited = await visiting;
  if (visited.kind === "failed") throw new Error(visited.message);
  // A proxy's own answer to CONNECT may come first.
  const parts = visited.body.split("\r\n\r\n");
  const last = parts.at(-1) ?? "";
  const body = /^data: (\{.*)$/m.exec(last)?.[1] ?? last;
  return { status: visited.status, head: parts.slice(0, -1).join("\n"), json: JSON.parse(body || "{}") };
}
