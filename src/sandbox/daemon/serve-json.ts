import type { ServeConfig } from "../front/serve-config.ts";
import type { Tailnet } from "../tailnet.ts";

/** Returns LocalAPI's `serve-config`; `{}` where nothing is served. Source: tailscale `ipn/serve.go` ServeConfig. */
export function serveJson({ serve, foreground, server }: Tailnet): object {
  const sessions = [...foreground].toSorted(([one], [other]) => (one < other ? -1 : 1));
  const inForeground = sessions.map(([session, { config }]) => [session, partJson(config, server.dnsName)]);
  return {
    ...partJson(serve, server.dnsName),
    ...(sessions.length === 0 ? {} : { Foreground: Object.fromEntries(inForeground) }),
  };
}

function partJson(config: ServeConfig, host: string): object {
  const ports = [...config].toSorted(([one], [other]) => String(one).localeCompare(String(other), "en"));
  if (ports.length === 0) return {};
  const funnels = ports.filter(([, { funnel }]) => funnel);
  return {
    TCP: Object.fromEntries(ports.map(([port]) => [port, { HTTPS: true }])),
    Web: Object.fromEntries(
      ports.map(([port, { mounts }]) => [
        `${host}:${port}`,
        {
          Handlers: Object.fromEntries(
            mounts
              .toSorted((one, other) => (one.path < other.path ? -1 : 1))
              .map(({ path, target, acceptAppCaps }) => [
                path,
                { Proxy: target, ...(acceptAppCaps.length > 0 ? { AcceptAppCaps: acceptAppCaps } : {}) },
              ]),
          ),
        },
      ]),
    ),
    ...(funnels.length === 0
      ? {}
      : { AllowFunnel: Object.fromEntries(funnels.map(([port]) => [`${host}:${port}`, true])) }),
  };
}
