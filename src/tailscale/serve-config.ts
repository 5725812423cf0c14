import { isObject, objectOf, parseJson } from "../core/json-object.ts";
import { funnelPortsOf, portOf } from "./serve-state.ts";

/** One thing that Serve hands on: everything at a TCP port, or what comes below a path of a web port. */
export interface Exposure {
  readonly port: number;
  /** Whether the internet gets there too. */
  readonly isFunnel: boolean;
  /** `tcp`: bytes are passed on as they came; nobody removes or sets a header. */
  readonly kind: "web" | "tcp";
  /** The path; `/` for `tcp`. */
  readonly mount: string;
  /** Where it is handed to, as Serve has it; undefined for files, texts and redirects. */
  readonly target: string | undefined;
}

/**
 * Returns what a node serves, what runs in the foreground of some terminal included; undefined when the JSON is no Serve
 * configuration. `null` and `{}` serve nothing. Source: tailscale `ipn/serve.go` ServeConfig.
 */
export function parseServeConfig(json: string): readonly Exposure[] | undefined {
  const value = parseJson(json);
  if (value === null) return [];
  if (!isObject(value)) return undefined;
  return [value, ...Object.values(objectOf(value.Foreground))].flatMap(exposuresOf);
}

/**
 * Returns the web exposures of `port` that stand behind `path`, and all of the TCP ones: of the mounts that are the path or
 * lie above it, the longest. Source: tailscale `ipn/ipnlocal/serve.go` getServeHandler.
 */
export function exposuresFor(
  exposures: readonly Exposure[],
  { port, path }: { readonly port: number; readonly path: string },
): readonly Exposure[] {
  const here = exposures.filter((one) => one.port === port);
  const fitting = here.filter(({ kind, mount }) => kind === "tcp" || isBelow(path, mount));
  const longest = Math.max(0, ...fitting.map(({ mount }) => withoutSlash(mount).length));
  return fitting.filter(({ kind, mount }) => kind === "tcp" || withoutSlash(mount).length === longest);
}

function isBelow(path: string, mount: string): boolean {
  const above = withoutSlash(mount);
  return path === above || path === mount || path.startsWith(`${above}/`);
}

function withoutSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

function exposuresOf(config: unknown): readonly Exposure[] {
  const { TCP, Web, AllowFunnel } = objectOf(config);
  const funnels = new Set(funnelPortsOf(AllowFunnel));
  const tcp = Object.entries(objectOf(TCP)).flatMap(([port, handler]) => {
    const { TCPForward: target } = objectOf(handler);
    if (typeof target !== "string" || target === "") return [];
    return portOf(port).map((at) => ({ port: at, kind: "tcp", mount: "/", target }) as const);
  });
  const web = Object.entries(objectOf(Web)).flatMap(([hostPort, server]) =>
    Object.entries(objectOf(objectOf(server).Handlers)).flatMap(([mount, handler]) => {
      const { Proxy: proxy } = objectOf(handler);
      const target = typeof proxy === "string" && proxy !== "" ? proxy : undefined;
      return portOf(hostPort).map((at) => ({ port: at, kind: "web", mount, target }) as const);
    }),
  );
  return [...tcp, ...web].map((one) => ({ ...one, isFunnel: funnels.has(one.port) }));
}
