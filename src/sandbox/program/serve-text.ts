import type { Mount, ServeConfig } from "../front/serve-config.ts";
import type { Tailnet } from "../tailnet.ts";
import { funnelText, urlOf } from "./status-text.ts";

/** Returns what `tailscale serve` and `funnel` say once a port is served. */
export function servedText(
  config: ServeConfig,
  {
    host,
    port,
    name,
    isForeground,
  }: { readonly host: string; readonly port: number; readonly name: string; readonly isForeground: boolean },
): string {
  const { mounts = [], funnel = false } = config.get(port) ?? {};
  const lines = mounts
    .toSorted(byLength)
    .map(({ path, target }) => `${urlOf(host, port)}${path}\n|-- proxy ${target}\n\n`);
  const where = funnel ? "Available on the internet:" : "Available within your tailnet:";
  const verb = name === "funnel" ? "Funnel" : "Serve";
  const end = isForeground
    ? "Press Ctrl+C to exit.\n"
    : `${verb} started and running in the background.\nTo disable the proxy, run: tailscale ${name} --https=${port} off\n`;
  return `${where}\n\n${lines.join("")}${end}`;
}

/** Returns what `tailscale serve status` says; of what runs in the foreground it says nothing. */
export function serveStatusText(tailnet: Tailnet): string {
  const { serve, server } = tailnet;
  if (serve.size === 0) return `${funnelText(tailnet)}No serve config\n`;
  const sorted = [...serve].toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1));
  const ports = sorted.map(([port, { funnel, mounts }]) => {
    const width = Math.max(...mounts.map(({ path }) => path.length));
    const lines = mounts.toSorted(byLength).map(({ path, target }) => `|-- ${path.padEnd(width)} proxy ${target}\n`);
    return `${urlOf(server.dnsName, port)} (${funnel ? "Funnel on" : "tailnet only"})\n${lines.join("")}\n`;
  });
  return `${funnelText(tailnet)}${ports.join("")}`;
}

function byLength(one: Mount, other: Mount): number {
  return one.path.length - other.path.length || (one.path < other.path ? -1 : 1);
}
