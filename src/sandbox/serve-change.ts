import { TsmcpError } from "../core/errors.ts";
import { funnelPorts, type Mount, type ServeConfig } from "./front/serve-config.ts";
import { expandServeTarget, parseServeTarget } from "./front/serve-target.ts";
import type { ServeRequest } from "./options.ts";

/**
 * Returns the configuration with one mount more, or another in its place.
 * Throws `unsupported` for a target that is not imitated or a port that Funnel does not have.
 */
export function withServed(config: ServeConfig, request: ServeRequest): ServeConfig {
  const { port, funnel = false } = request;
  if (funnel && !funnelPorts.includes(port)) {
    throw new TsmcpError({
      code: "unsupported",
      message: `Funnel does not work on port ${port}`,
      hint: `name one of ${funnelPorts.join(", ")}`,
      facts: { port },
    });
  }
  return withMount(config, request);
}

/**
 * Does so as the command line does, which does not say where Funnel never works. Funnel is a property of the port: the
 * last word counts for all its mounts. Throws `unsupported` for a target that is not imitated.
 */
export function withMount(config: ServeConfig, request: ServeRequest): ServeConfig {
  const { port, path = "/", funnel = false, acceptAppCaps = [] } = request;
  parseServeTarget(request.target);
  const target = expandServeTarget(request.target);
  const mount: Mount = { path: path.startsWith("/") ? path : `/${path}`, target, acceptAppCaps };
  const others = config.get(port)?.mounts.filter((one) => one.path !== mount.path) ?? [];
  return new Map([...config, [port, { funnel, mounts: [...others, mount] }]]);
}

/** Returns the configuration without one mount, or without the whole port; undefined where there is none. */
export function withoutServed(
  config: ServeConfig,
  { port, path }: { readonly port: number; readonly path: string | undefined },
): ServeConfig | undefined {
  const served = config.get(port);
  const left = path === undefined ? [] : served?.mounts.filter((mount) => mount.path !== path);
  if (served === undefined || left?.length === served.mounts.length) return undefined;
  const others = [...config].filter(([other]) => other !== port);
  return new Map(left === undefined || left.length === 0 ? others : [...others, [port, { ...served, mounts: left }]]);
}
