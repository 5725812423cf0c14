import { messageOf } from "../core/errors.ts";
import { timeoutSignal } from "../core/timeout-signal.ts";
import { modernMeta, modernVersion, newestLegacyVersion } from "../mcp/era.ts";
import { isObject } from "../mcp/json.ts";
import { createOwnSession } from "./public/own-session.ts";
import { pinDefect } from "./public/pins.ts";
import type { PreparedGateway } from "./run.ts";
import type { Upstream, UpstreamCall, UpstreamCaller } from "./upstream/upstream.ts";

/** One finding of `gateway --check`. */
export interface CheckLine {
  readonly id: string;
  readonly status: "pass" | "fail";
  readonly message: string;
}

const upstreamTimeoutMs = 30_000;

/** Tries what a start would need, without listening: tailscaled, and every upstream as a caller of its own. */
export async function checkGateway({ options, status }: PreparedGateway, signal: AbortSignal): Promise<CheckLine[]> {
  const running = status?.backendState === "Running";
  const lines: CheckLine[] = [
    { id: "config", status: "pass", message: `${Object.keys(options.upstreams).length} upstreams` },
    {
      id: "tailscaled",
      status: running ? "pass" : "fail",
      message: status === undefined ? "does not answer" : `${status.version}, ${status.backendState}`,
    },
  ];
  const entries = Object.entries(options.upstreams).filter(([, { enabled = true }]) => enabled);
  const found = await Promise.all(
    entries.map(async ([name, config]): Promise<CheckLine> => {
      const upstream = options.createUpstream(name, config, options.world);
      try {
        return { id: `upstream.${name}`, ...(await probe(upstream, signal)) };
      } catch (error) {
        return { id: `upstream.${name}`, status: "fail", message: messageOf(error) };
      } finally {
        await upstream.close();
      }
    }),
  );
  return [...lines, ...found, ...(await checkPins(options, signal))];
}

/** Whether the tools that the internet may call are what was pinned. */
async function checkPins(
  { pins = [], upstreams, createUpstream, world }: PreparedGateway["options"],
  signal: AbortSignal,
): Promise<CheckLine[]> {
  const names = [...new Set(pins.map(({ upstream }) => upstream))];
  const found = await Promise.all(
    names.map(async (name) => {
      const upstream = createUpstream(name, upstreams[name] ?? {}, world);
      const session = createOwnSession(upstream, { onChange: () => {}, signal });
      const live = await session.tools().catch(() => []);
      await upstream.close();
      return pins
        .filter((pin) => pin.upstream === name)
        .map((pin): CheckLine => {
          const message = pinDefect(pin, live);
          const id = `public.${name}/${pin.name}`;
          return { id, status: message === undefined ? "pass" : "fail", message: message ?? "is what was pinned" };
        });
    }),
  );
  return found.flat();
}

const caller: UpstreamCaller = {
  key: "check",
  login: undefined,
  name: undefined,
  picture: undefined,
  node: "gateway-check",
  stableId: "check",
  tags: [],
  grants: [],
};

async function probe(upstream: Upstream, signal: AbortSignal): Promise<Omit<CheckLine, "id">> {
  const ending = AbortSignal.any([signal, timeoutSignal(upstreamTimeoutMs)]);
  const call: UpstreamCall = { caller, signal: ending, onMessage: () => {} };
  const params = {
    protocolVersion: newestLegacyVersion,
    capabilities: {},
    clientInfo: { name: "tsmcp-check", version: "1" },
  };
  const opening = await upstream.open({ kind: "request", id: 1, method: "initialize", params }, call);
  if (opening.kind === "opened") {
    const { session } = opening;
    session.notify({ kind: "notification", method: "notifications/initialized", params: undefined });
    const answer = await session.request({ kind: "request", id: 2, method: "tools/list", params: {} }, call);
    await session.end();
    return lineOf(answer.outcome, "legacy");
  }
  const asked = { _meta: modernMeta(modernVersion) };
  const answer = await upstream.request({ kind: "request", id: 3, method: "tools/list", params: asked }, call);
  // Neither era: the first refusal says more.
  return "error" in answer.outcome
    ? { status: "fail", message: opening.error.message }
    : lineOf(answer.outcome, "modern");
}

function lineOf(
  outcome: { readonly result: unknown } | { readonly error: { readonly message: string } },
  era: string,
): Omit<CheckLine, "id"> {
  if ("error" in outcome) return { status: "fail", message: outcome.error.message };
  const tools = isObject(outcome.result) && Array.isArray(outcome.result.tools) ? outcome.result.tools.length : 0;
  return { status: "pass", message: `${tools} tools, ${era} era` };
}
