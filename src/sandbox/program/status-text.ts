import type { Daemon } from "../daemon/daemon.ts";
import { allNodes, type Tailnet, type TailnetNode } from "../tailnet.ts";

/** Returns what `tailscale status` prints. Source: tailscale `cmd/tailscale/cli/status.go`. */
export function statusText(daemon: Daemon): { readonly text: string; readonly exitCode: number } {
  const { state, node, control } = daemon;
  if (state === "Stopped") return { text: "Tailscale is stopped.\n", exitCode: 1 };
  if (state === "NeedsMachineAuth") return { text: "Machine is not yet approved by tailnet admin.\n", exitCode: 1 };
  if (state !== "Running" || node === undefined) return { text: "Logged out.\n", exitCode: 1 };
  const peers = allNodes(control.tailnet).filter((one) => one !== node);
  const sorted = [node, ...peers.toSorted((one, other) => (one.name < other.name ? -1 : 1))];
  const rows = sorted.map((one) => [one.address, one.name, ownerText(one), "linux", "-"]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const table = rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}  \n`);
  return {
    text: `${table.join("")}${node === control.tailnet.server ? funnelText(control.tailnet) : ""}`,
    exitCode: 0,
  };
}

/** Returns the list of what the internet reaches, or nothing; what runs in the foreground is told, and not listed. */
export function funnelText({ serve, foreground, server }: Tailnet): string {
  const ports = [...serve].filter(([, { funnel }]) => funnel).map(([port]) => port);
  const inForeground = [...foreground.values()].flatMap(({ config }) => [...config.values()]);
  if (ports.length === 0 && !inForeground.some(({ funnel }) => funnel)) return "";
  return `\n# Funnel on:\n${ports.map((port) => `#     - ${urlOf(server.dnsName, port)}\n`).join("")}\n`;
}

export function urlOf(host: string, port: number): string {
  return `https://${host}${port === 443 ? "" : `:${port}`}`;
}

function ownerText({ user, tags }: TailnetNode): string {
  return tags.length > 0 ? "tagged-devices" : user.login.replace(/@.*$/, "@");
}
