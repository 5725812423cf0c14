import { TsmcpError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { isInRanges } from "../../net/address.ts";
import { resolveByDaemon } from "../../tailscale/local-api.ts";
import type { TargetContext } from "../context.ts";
import { observation } from "../observation.ts";
import { endOf } from "../target.ts";
import { daemonAnswer } from "./node-status.ts";
import { tailnetDialed } from "./tailnet-dial.ts";
import { tailnetNodes } from "./tailnet-peers.ts";

/** Who knows the server's name. */
export type NameFinding =
  | { readonly kind: "known"; readonly host: string; readonly addresses: readonly string[] }
  /** The tailnet itself says so; `like` is a node whose name is close. */
  | { readonly kind: "absent"; readonly host: string; readonly like: string | undefined; readonly suffix: string }
  /** Found out by dialing. */
  | { readonly kind: "dialed"; readonly host: string; readonly failure: string | undefined };

const askTimeoutMs = 3_000;

/** Finds out who knows the name of the server's tailnet side, without asking anybody outside the tailnet if it can. */
export const knownName = observation(async (context: TargetContext): Promise<NameFinding> => {
  const { signal } = context.machine;
  const { host } = endOf(new URL(context.target.server.tailnetUrls[0]));
  if (isInRanges(host, ["0.0.0.0/0", "::/0"])) return { kind: "known", host, addresses: [host] };
  const nodes = await tailnetNodes(context.machine);
  const node = nodes.find(({ name }) => name === host);
  if (node !== undefined) return { kind: "known", host, addresses: node.ips };
  const daemon = await daemonAnswer(context.machine);
  const suffix = daemon.kind === "answered" ? daemon.status.magicDnsSuffix : undefined;
  // For its own suffix tailscaled answers by itself; an unknown name, when dialed, would go to the system's resolver.
  if (suffix !== undefined && host.endsWith(`.${suffix}`)) {
    try {
      // A Tailscale Service is no node, and has a name too.
      const addresses = await resolveByDaemon({ socket: daemon.socket, timeoutMs: askTimeoutMs, signal }, host);
      if (addresses.length > 0) return { kind: "known", host, addresses };
      const labels = nodes.map(({ name }) => labelOf(name));
      const like = nodes.find(({ name }) => labelOf(name) === nearest(labelOf(host), labels))?.name;
      return { kind: "absent", host, suffix, like };
    } catch (error) {
      if (!(error instanceof TsmcpError) || signal.aborted) throw error;
      // Not allowed to ask, or too old to be asked: dialing tells as well.
    }
  }
  const { failure } = await tailnetDialed(context);
  return { kind: "dialed", host, failure: failure?.layer === "name" ? failure.reason : undefined };
});

function labelOf(name: string): string {
  return name.split(".")[0] ?? "";
}
