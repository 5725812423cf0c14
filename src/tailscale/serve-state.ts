import { isObject, objectOf, parseJson, stringsOf } from "../core/json-object.ts";

/** What a node serves, of everybody's: whatever is to be added must not touch it. */
export interface ServeState {
  /** Ports that are taken, each as often as a part of the configuration takes it. */
  readonly listeners: readonly ServeListener[];
  readonly handlers: readonly ServeHandler[];
  /** Ports that Funnel is allowed on, whether anything listens there or not. */
  readonly funnelPorts: readonly number[];
}

export interface ServeListener {
  /** The Tailscale Service whose port it is; undefined for the node's own. */
  readonly service: string | undefined;
  readonly port: number;
  readonly kind: "https" | "http" | "tcp";
  /** It goes with the `tailscale serve` that runs in some terminal, and nobody else may add to its port. */
  readonly isForeground: boolean;
}

/** What comes below one path of a web port, or a TCP port as a whole (mount `/`). */
export interface ServeHandler extends ServeListener {
  readonly mount: string;
  /** Where it is handed to, as Serve has it; undefined for files, texts and redirects. */
  readonly target: string | undefined;
  readonly acceptedCapabilities: readonly string[];
}

/**
 * Returns what a node serves, what runs in the foreground and its Services included; undefined when the JSON is no Serve
 * configuration. Source: tailscale `ipn/serve.go` ServeConfig.
 */
export function parseServeState(json: string): ServeState | undefined {
  const value = parseJson(json);
  if (value === null) return { listeners: [], handlers: [], funnelPorts: [] };
  if (!isObject(value)) return undefined;
  const parts = [
    { config: value, isForeground: false, service: undefined },
    ...Object.values(objectOf(value.Foreground)).map((config) => ({ config, isForeground: true, service: undefined })),
    ...Object.entries(objectOf(value.Services)).map(([service, config]) => ({ config, isForeground: false, service })),
  ];
  const read = parts.map(readPart);
  return {
    listeners: read.flatMap(({ listeners }) => listeners),
    handlers: read.flatMap(({ handlers }) => handlers),
    funnelPorts: [...new Set(parts.flatMap(({ config }) => funnelPortsOf(objectOf(config).AllowFunnel)))],
  };
}

function readPart({
  config,
  isForeground,
  service,
}: {
  readonly config: unknown;
  readonly isForeground: boolean;
  readonly service: string | undefined;
}): Pick<ServeState, "listeners" | "handlers"> {
  const { TCP, Web } = objectOf(config);
  const ports = Object.entries(objectOf(TCP)).flatMap(([text, value]) => {
    const { HTTPS, HTTP, TCPForward } = objectOf(value);
    const kind: ServeListener["kind"] = HTTPS === true ? "https" : HTTP === true ? "http" : "tcp";
    const target = typeof TCPForward === "string" ? TCPForward : undefined;
    return portOf(text).map((port) => ({ listener: { service, port, kind, isForeground }, target }));
  });
  const web = Object.entries(objectOf(Web)).flatMap(([hostPort, server]) =>
    Object.entries(objectOf(objectOf(server).Handlers)).flatMap(([mount, handler]) =>
      portOf(hostPort).map((port): ServeHandler => {
        const { Proxy: proxy, AcceptAppCaps: accepted } = objectOf(handler);
        const kind = ports.find(({ listener }) => listener.port === port)?.listener.kind ?? "https";
        const target = typeof proxy === "string" && proxy !== "" ? proxy : undefined;
        return { service, port, kind, isForeground, mount, target, acceptedCapabilities: stringsOf(accepted) };
      }),
    ),
  );
  const tcp = ports
    .filter(({ listener }) => listener.kind === "tcp")
    .map(({ listener, target }): ServeHandler => ({ ...listener, mount: "/", target, acceptedCapabilities: [] }));
  return { listeners: ports.map(({ listener }) => listener), handlers: [...web, ...tcp] };
}

/** Returns the ports that Funnel is allowed on. */
export function funnelPortsOf(allowFunnel: unknown): readonly number[] {
  return Object.entries(objectOf(allowFunnel)).flatMap(([hostPort, allowed]) =>
    allowed === true ? portOf(hostPort) : [],
  );
}

/** The port in `8443` or `node.tailnet.ts.net:8443`, as a list of one; none where there is no port. */
export function portOf(text: string): readonly number[] {
  const port = Number(text.slice(text.lastIndexOf(":") + 1));
  return Number.isInteger(port) && port > 0 ? [port] : [];
}
