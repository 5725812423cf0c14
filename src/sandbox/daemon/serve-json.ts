import type { Tailnet } from "../tailnet.ts";

/** Returns LocalAPI's `serve-config`; `{}` where nothing is served. Source: tailscale `ipn/serve.go` ServeConfig. */
export function serveJson({ serve, server }: Tailnet): object {
  const ports = [...serve].toSorted(([one], [other]) => String(one).localeCompare(String(other), "en"));
  if (ports.length === 0) return {};
  const funnels = ports.filter(([, { funnel }]) => funnel);
  return {
    TCP: Object.fromEntries(ports.map(([port]) => [port, { HTTPS: true }])),
    Web: Object.fromEntries(
      ports.map(([port, { mounts }]) => [
        `${server.dnsName}:${port}`,
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
      : { AllowFunnel: Object.fromEntries(funnels.map(([port]) => [`${server.dnsName}:${port}`, true])) }),
  };
}
