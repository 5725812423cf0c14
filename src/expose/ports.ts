import type { ServeHandler, ServeState } from "../tailscale/serve-state.ts";
import { listenerOf, parseServeTarget } from "../tailscale/serve-target.ts";
import type { OwnHandler } from "./record.ts";
import type { Refusal } from "./refusal.ts";
import { publicPort, tailnetPort } from "./request.ts";

/** Where a view goes among what a port serves already. */
export type Placement =
  | { readonly kind: "refused"; readonly refusals: readonly Refusal[] }
  | {
      readonly kind: "placed";
      /** `/` on a port of its own; beside others' handlers the one path that the upstreams are below. */
      readonly mount: "/" | "/mcp";
      readonly isShared: boolean;
    };

export interface View {
  readonly side: "tailnet" | "public";
  readonly service: string | undefined;
  /** Of the upstreams. */
  readonly paths: readonly string[];
}

/**
 * Returns where a view goes, given everybody's handlers but ours: nothing of others is replaced or shadowed, and nothing that is
 * not on Funnel gets there, neither theirs nor the tailnet's view.
 */
export function placeView(state: ServeState, { side, service, paths }: View): Placement {
  const port = side === "tailnet" ? tailnetPort : publicPort;
  const here = (one: { readonly service: string | undefined; readonly port: number }): boolean =>
    one.service === service && one.port === port;
  const isFunnel = service === undefined && state.funnelPorts.includes(port);
  const listeners = state.listeners.filter(here);
  const handlers = state.handlers.filter(here);
  const refusals: Refusal[] = [];
  const words = { port, service };
  if (side === "tailnet" && isFunnel) refusals.push(funnelIsOn(handlers));
  if (side === "public" && handlers.length > 0 && !isFunnel) refusals.push(othersWouldBePublic(handlers));
  if (listeners.some(({ kind }) => kind !== "https")) refusals.push(portIsTaken(words, "it serves no HTTPS"));
  else if (listeners.some(({ isForeground }) => isForeground)) {
    refusals.push(portIsTaken(words, 'a "tailscale serve" that runs in some terminal has it'));
  }
  const isShared = handlers.length > 0;
  const mount = isShared ? "/mcp" : "/";
  const taken = handlers.find((one) => isShared && takesFrom(one, paths));
  if (taken !== undefined) refusals.push(pathIsTaken(words, taken));
  return refusals.length > 0 ? { kind: "refused", refusals } : { kind: "placed", mount, isShared };
}

/** Returns the state without the handlers that are ours, and without the ports that nothing but those had. */
export function withoutOwn(state: ServeState, own: readonly OwnHandler[]): ServeState {
  const handlers = state.handlers.filter((handler) => !own.some((one) => isSame(one, handler)));
  const isLeft = ({ port, service, isForeground }: ServeState["listeners"][number]): boolean =>
    !state.handlers.some((one) => one.port === port && one.service === service && one.isForeground === isForeground) ||
    handlers.some((one) => one.port === port && one.service === service && one.isForeground === isForeground);
  const listeners = state.listeners.filter(isLeft);
  const hadOwn = (port: number): boolean => own.some((one) => one.port === port && one.service === undefined);
  const funnelPorts = state.funnelPorts.filter(
    (port) => !hadOwn(port) || listeners.some((one) => one.port === port && one.service === undefined),
  );
  return { listeners, handlers, funnelPorts };
}

/** Returns whether the configuration has the handler as it is to be; on Funnel or not, as the side wants it. */
export function isServed(state: ServeState, own: OwnHandler, { isFunnel }: { readonly isFunnel: boolean }): boolean {
  const isAllowed = own.service === undefined && state.funnelPorts.includes(own.port);
  return state.handlers.some((handler) => isSame(own, handler)) && isAllowed === isFunnel;
}

export function isSame(own: OwnHandler, handler: ServeHandler): boolean {
  return (
    own.port === handler.port &&
    own.service === handler.service &&
    own.mount === handler.mount &&
    own.target === handler.target
  );
}

/**
 * Returns what is wrong where somebody gets to the private listener who must not, by whatever handler, whoever set it and at
 * whatever port: the internet by Funnel, whoever sends raw TCP, whose headers nobody takes away, and the callers of another Service or
 * of the node in a Service's place, whose grants are others. Undefined when nobody does.
 */
export function wrongWayToPrivate(
  state: ServeState,
  { privateTarget, service }: { readonly privateTarget: string; readonly service: string | undefined },
): Refusal | undefined {
  const listener = listenerAt(privateTarget);
  const leading = state.handlers.filter(({ target }) => target !== undefined && listenerAt(target) === listener);
  const isOpen = (one: ServeHandler): boolean => one.service === undefined && state.funnelPorts.includes(one.port);
  const open = leading.find(isOpen);
  if (open !== undefined) {
    return {
      id: "serve.private-on-funnel",
      what: `Funnel on port ${open.port} leads to the private listener at ${open.mount}`,
      mend: "take that handler away",
      lines: [offLine(open)],
    };
  }
  const wrong = leading.find((one) => one.kind === "tcp" || one.service !== service);
  if (wrong === undefined) return undefined;
  const why = wrong.kind === "tcp" ? "as raw TCP, so that anybody there can forge its headers" : `at ${wrong.mount}`;
  return {
    id: "serve.private-elsewhere",
    what: `port ${wrong.port} of ${wrong.service ?? "this node"} leads to the private listener too, ${why}`,
    mend: "take that handler away",
    lines: [offLine(wrong)],
  };
}

function listenerAt(target: string): string {
  const parsed = parseServeTarget(target);
  return parsed === undefined ? target : listenerOf(parsed);
}

function takesFrom({ mount }: ServeHandler, paths: readonly string[]): boolean {
  const above = mount.endsWith("/") ? mount.slice(0, -1) : mount;
  if (above === "/mcp") return true;
  return above !== "" && paths.some((path) => path === above || path.startsWith(`${above}/`));
}

function funnelIsOn(handlers: readonly ServeHandler[]): Refusal {
  const [first] = handlers;
  return {
    id: "serve.funnel-on",
    what: `Funnel is on at port ${tailnetPort}: what the tailnet is to see would be on the internet`,
    mend: "take Funnel away from that port, and serve anew what else is there",
    lines: [first === undefined ? `tailscale funnel --https=${tailnetPort} off` : offLine(first)],
  };
}

function othersWouldBePublic(handlers: readonly ServeHandler[]): Refusal {
  const mounts = handlers.map(({ mount }) => mount).join(", ");
  return {
    id: "serve.others-on-port",
    what: `port ${publicPort} serves ${mounts} to the tailnet alone, and Funnel would put that on the internet too: it is a property of the port`,
    mend: "move those to another port, or leave the internet out with --no-funnel",
    lines: handlers.map(offLine),
  };
}

interface Place {
  readonly port: number;
  readonly service: string | undefined;
}

function portIsTaken({ port, service }: Place, why: string): Refusal {
  return {
    id: "serve.port-taken",
    what: `port ${port} is taken${service === undefined ? "" : ` on ${service}`}: ${why}`,
    mend: "end what has it",
    // Without --json it says nothing of what runs in the foreground.
    lines: ["tailscale serve status --json"],
  };
}

function pathIsTaken({ port }: Place, handler: ServeHandler): Refusal {
  return {
    id: "serve.path-taken",
    what: `another handler has ${handler.mount} on port ${port}${handler.target === undefined ? "" : ` (${handler.target})`}, and would get what is meant for the gateway`,
    mend: "move it to another path or port",
    lines: [offLine(handler)],
  };
}

function offLine({ service, port, mount, kind, isForeground }: ServeHandler): string {
  if (isForeground) return `end the "tailscale serve" or "funnel" that has port ${port} in some terminal`;
  const of = service === undefined ? "" : `--service=${service} `;
  const path = kind === "tcp" ? "" : `--set-path=${mount} `;
  return `tailscale serve ${of}--${kind}=${port} ${path}off`;
}
