import { lookRegularly } from "../core/regular-look.ts";
import { readServeText } from "../tailscale/local-api.ts";
import { parseServeState, type ServeHandler } from "../tailscale/serve-state.ts";
import { listenerOf, parseServeTarget } from "../tailscale/serve-target.ts";

/** Notices when a way to a target is closed, or opened to the internet. */
export interface ExposureWatch {
  /** Looks now: something opens that may outlive the way it came. */
  look(): void;
  close(): void;
}

/** tailscaled answers from memory; streams that should be closed are open this long at most. */
const lookEveryMs = 5_000;
const timeoutMs = 2_000;

/** Looks every few seconds, and calls `onLoss` when a way is not what it was. Who cannot be asked tells of no loss. */
export function watchExposure(options: {
  /** tailscaled's. */
  readonly socket: string;
  /** As it is handed to `tailscale serve`. */
  readonly target: string;
  readonly onLoss: () => void;
}): ExposureWatch {
  const { socket, target, onLoss } = options;
  let known: readonly string[] = [];
  const watch = lookRegularly(lookEveryMs, async (signal) => {
    const text = await readServeText({ socket, timeoutMs, signal });
    const now = waysTo(target, text);
    if (now === undefined || signal.aborted) return;
    const isLost = known.some((way) => !now.includes(way));
    known = now;
    if (isLost) onLoss();
  });
  watch.now();
  return { look: watch.now, close: () => watch.close("the gateway is ending") };
}

/**
 * Returns the ways that lead to a target's listener, by whatever path, each as a text: of the node, in the background and of terminals,
 * and of its Services; undefined for what is no Serve configuration.
 */
export function waysTo(target: string, serveText: string): readonly string[] | undefined {
  const state = parseServeState(serveText);
  const listener = listenerAt(target);
  return state?.handlers
    .filter((one) => one.target !== undefined && listenerAt(one.target) === listener)
    .map((one) => wayOf(one, state.funnelPorts));
}

function listenerAt(target: string): string {
  const parsed = parseServeTarget(target.replace(/\/+$/, ""));
  return parsed === undefined ? target : listenerOf(parsed);
}

/** Funnel has no part in a Service, whose ports are its own. Source: tailscale `ipn/ipnlocal/serve.go` HandleIngressTCPConn. */
function wayOf({ service, port, kind, mount, target }: ServeHandler, funnelPorts: readonly number[]): string {
  const isFunnel = service === undefined && funnelPorts.includes(port);
  return [service ?? "node", port, kind, mount, target, isFunnel].join(" ");
}
