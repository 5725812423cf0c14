import type { ServeChange } from "../tailscale/serve-arguments.ts";
import type { ServeState } from "../tailscale/serve-state.ts";
import { isAtLeast, type TailscaleVersion } from "../tailscale/version.ts";
import { type Backend, chooseBackend, socketPaths } from "./backend.ts";
import type { ExposeFacts, TailscaleProgram } from "./facts.ts";
import { grantNotes } from "./grants.ts";
import { nodeRefusals } from "./node-refusals.ts";
import { type Placement, placeView } from "./ports.ts";
import type { Refusal } from "./refusal.ts";
import { type ExposeRequest, type GatewayListen, publicPort, tailnetPort } from "./request.ts";

/** What will be done, or everything that forbids it. */
export type ExposePlan =
  | { readonly kind: "refused"; readonly refusals: readonly Refusal[] }
  | ({ readonly kind: "planned" } & Exposition);

export interface Exposition {
  readonly cli: TailscaleProgram;
  /** The name of both views: the node's, or the Service's. */
  readonly host: string;
  readonly backend: Backend;
  readonly listen: GatewayListen;
  /** In the order in which they are set; they are taken away the other way round. */
  readonly handlers: readonly PlannedHandler[];
  readonly notes: readonly string[];
}

export interface PlannedHandler extends ServeChange {
  readonly side: "tailnet" | "public";
  /** Whether tailscaled keeps it; else a `tailscale` does, which ends with us and leaves nothing. Beside others' it cannot. */
  readonly background: boolean;
  /** The node is no host of the Service yet. */
  readonly isOnlyHosting: boolean;
}

/** Serve hands capabilities on from here on. */
const acceptsCapabilities: TailscaleVersion = { major: 1, minor: 92, patch: 0 };

/** Returns what to do, from facts alone; `serve` is what others serve. */
export function planExposure(facts: ExposeFacts, request: ExposeRequest, serve: ServeState): ExposePlan {
  const lacking = nodeRefusals(facts, request);
  const places = viewsOf(request).map(({ side, service }) => ({
    side,
    service,
    place: placeView(serve, { side, service, paths: request.paths }),
  }));
  const refused = places.flatMap(({ place }) => (place.kind === "refused" ? place.refusals : []));
  const { cli } = facts;
  const dnsName = facts.status.self?.dnsName;
  if (lacking.length > 0 || refused.length > 0 || cli === undefined || dnsName === undefined) {
    return { kind: "refused", refusals: [...lacking, ...refused] };
  }
  const isShared = places.some(({ place }) => place.kind === "placed" && place.isShared);
  const backend = backendFor(facts, request, { isShared });
  const handlers = places.flatMap(({ side, service, place }) =>
    place.kind === "placed" ? [handlerAt({ side, service, place }, { facts, request, backend })] : [],
  );
  return {
    kind: "planned",
    cli,
    host: request.service === undefined ? dnsName : serviceHost(request.service, dnsName),
    backend,
    listen: listenOn(backend, request, { isShared }),
    handlers,
    notes: [...notesOf(request, { isShared }), ...grantNotes(facts.grants, facts.status.self)],
  };
}

function viewsOf({ funnel, service }: ExposeRequest): readonly Pick<PlannedHandler, "side" | "service">[] {
  return [{ side: "tailnet", service }, ...(funnel ? [{ side: "public", service: undefined } as const] : [])];
}

/** A mount is stripped from what the server sees unless the target repeats it, and a socket has no path to repeat it in. */
function backendFor(facts: ExposeFacts, request: ExposeRequest, { isShared }: { readonly isShared: boolean }): Backend {
  const { listen, directory } = request;
  if (isShared) {
    return {
      kind: "loopback",
      why: "others' handlers are on the port, so ours has a path, which a socket cannot carry",
    };
  }
  if (listen.private !== undefined && listen.public !== undefined) {
    return { kind: listen.private.startsWith("unix:") ? "sockets" : "loopback", why: "the configuration says so" };
  }
  return chooseBackend(facts, directory);
}

function listenOn(
  { kind }: Backend,
  { listen, directory }: ExposeRequest,
  { isShared }: { readonly isShared: boolean },
): GatewayListen {
  const paths = socketPaths(directory);
  const usual = (side: "private" | "public"): string => (kind === "sockets" ? `unix:${paths[side]}` : "127.0.0.1:0");
  const configured = isShared ? {} : listen;
  return { private: configured.private ?? usual("private"), public: configured.public ?? usual("public") };
}

function handlerAt(
  view: {
    readonly side: PlannedHandler["side"];
    readonly service: string | undefined;
    readonly place: Extract<Placement, { readonly kind: "placed" }>;
  },
  {
    facts,
    request,
    backend,
  }: { readonly facts: ExposeFacts; readonly request: ExposeRequest; readonly backend: Backend },
): PlannedHandler {
  const { side, service, place } = view;
  const isTailnet = side === "tailnet";
  const { capability } = request;
  // Two lists of capabilities on one port get mixed up now and then (tailscale 1.102.5), and the gateway asks tailscaled itself.
  const accepts = isTailnet && capability !== undefined && !place.isShared && canAccept(facts);
  // Should all be killed, anybody on this machine could take a port of loopback, and a handler that outlived us would lead there.
  const mayStay = request.background && backend.kind === "sockets";
  return {
    side,
    verb: isTailnet ? "serve" : "funnel",
    port: isTailnet ? tailnetPort : publicPort,
    service,
    mount: place.mount,
    capabilities: accepts ? [capability] : [],
    background: mayStay || place.isShared || service !== undefined,
    isOnlyHosting: service !== undefined && !facts.services.includes(service),
  };
}

function canAccept({ version, cli }: ExposeFacts): boolean {
  return [version, cli?.version].every((one) => one !== undefined && isAtLeast(one, acceptsCapabilities));
}

function serviceHost(service: string, dnsName: string): string {
  return `${service.slice("svc:".length)}${dnsName.slice(dnsName.indexOf("."))}`;
}

function notesOf({ service }: ExposeRequest, { isShared }: { readonly isShared: boolean }): readonly string[] {
  return [
    ...(isShared ? ["others' handlers are on the same port; they stay as they are"] : []),
    ...(service === undefined ? [] : ["Funnel has no part in a Tailscale Service: the internet gets no view"]),
  ];
}
