import { TsmcpError } from "../../core/errors.ts";
import { readServeText } from "../../tailscale/local-api.ts";
import { type Exposure, exposuresFor, parseServeConfig } from "../../tailscale/serve-config.ts";
import { listenerOf, parseServeTarget } from "../../tailscale/serve-target.ts";
import type { TargetContext } from "../context.ts";
import { observation } from "../observation.ts";
import { endOf } from "../target.ts";
import { daemonAnswer } from "./node-status.ts";

/** What the server's own node exposes, where the doctor runs on it. */
export type OwnHost =
  | { readonly kind: "elsewhere"; readonly reason: string }
  | {
      readonly kind: "here";
      readonly host: string;
      /** tailscaled's. */
      readonly version: string;
      readonly usesTun: boolean;
      readonly tailnetPort: number;
      readonly publicPorts: readonly number[];
      readonly exposures: readonly Exposure[];
      /** Those that an agent on the tailnet gets to. */
      readonly inside: readonly Exposure[];
    };

export type ServerHost = Extract<OwnHost, { readonly kind: "here" }>;

const askTimeoutMs = 3_000;

/** Reads this node's Serve configuration where the server's name is the node's own. */
export const ownHost = observation(async (context: TargetContext): Promise<OwnHost> => {
  const { signal } = context.machine;
  const { server } = context.target;
  const url = new URL(server.tailnetUrls[0]);
  const { host, port } = endOf(url);
  const need = `only ${host} itself can tell; run tsmcp doctor there`;
  const daemon = await daemonAnswer(context.machine);
  if (daemon.kind === "silent") return { kind: "elsewhere", reason: need };
  const { self, version, usesTun } = daemon.status;
  if (self?.dnsName !== host) return { kind: "elsewhere", reason: need };
  try {
    const exposures = parseServeConfig(await readServeText({ socket: daemon.socket, timeoutMs: askTimeoutMs, signal }));
    if (exposures === undefined)
      return { kind: "elsewhere", reason: "tailscaled's Serve configuration is none we know" };
    const inside = exposuresFor(exposures, { port, path: url.pathname });
    if (inside.length === 0) return { kind: "elsewhere", reason: `this node serves nothing at ${url.href}` };
    const publicPorts = (server.publicUrls ?? []).map((one) => endOf(new URL(one)).port);
    return { kind: "here", host, version, usesTun, tailnetPort: port, publicPorts, exposures, inside };
  } catch (error) {
    if (!(error instanceof TsmcpError) || signal.aborted) throw error;
    return { kind: "elsewhere", reason: `tailscaled does not show its Serve configuration (${error.message})` };
  }
});

/** Returns the listeners behind these exposures, each once; see `listenerOf`. */
export function listenersOf(exposures: readonly Exposure[]): readonly string[] {
  const targets = exposures.map(({ target }) => (target === undefined ? undefined : parseServeTarget(target)));
  return [...new Set(targets.flatMap((target) => (target === undefined ? [] : listenerOf(target))))];
}

/** Returns what the internet gets to that leads to a listener of the tailnet's. */
export function sharedExposures({ exposures, inside }: ServerHost): readonly Exposure[] {
  const listeners = new Set(listenersOf(inside));
  return exposures
    .filter((one) => one.isFunnel && !inside.includes(one))
    .filter((one) => listenersOf([one]).some((listener) => listeners.has(listener)));
}
