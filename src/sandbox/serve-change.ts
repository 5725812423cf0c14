import { TsmcpError } from "../core/errors.ts";
import type { Mount, ServeConfig } from "./front/serve-config.ts";
import { expandServeTarget, parseServeTarget } from "./front/serve-target.ts";
import type { ServeRequest } from "./options.ts";

/** Ports on which the internet can be let in. Source: https://tailscale.com/kb/1223/funnel */
const funnelPorts = [443, 8443, 10000];

/**
 * Returns the configuration with one mount more, or another in its place. As in tailscale, Funnel is a property of the
 * port: the last word counts for all its mounts.
 * Throws `unsupported` for a target that is not imitated or a port that Funnel does not have.
 */
export function withServed(config: ServeConfig, request: ServeRequest): ServeConfig {
  const { port, path = "/", funnel = false, acceptAppCaps = [] } = request;
  const target = expandServeTarget(request.target);
  parseServeTarget(target);
  if (funnel && !funnelPorts.includes(port)) {
    throw new TsmcpError({
      code: "unsupported",
      message: `Funnel does not work on port ${port}`,
      hint: `name one of ${funnelPorts.join(", ")}`,
      facts: { port },
    });
  }
  const mount: Mount = { path: path.startsWith("/") ? path : `/${path}`, target, acceptAppCaps };
  const others = config.get(port)?.mounts.filter((one) => one.path !== mount.path) ?? [];
  return new Map([...config, [port, { funnel, mounts: [...others, mount] }]]);
}
