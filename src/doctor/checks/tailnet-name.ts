import { TsmcpError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { isInRanges } from "../../net/address.ts";
import { resolveByDaemon } from "../../tailscale/local-api.ts";
import { type Outcome, targetCheck } from "../check.ts";
import type { TargetContext } from "../context.ts";
import { daemonAnswer } from "../facts/node-status.ts";
import { tailnetDialed } from "../facts/tailnet-dial.ts";
import { tailnetNodes } from "../facts/tailnet-peers.ts";
import { endOf } from "../target.ts";

/** Who knows the server's name. */
export type NameFinding =
  | { readonly kind: "known"; readonly host: string; readonly addresses: readonly string[] }
  /** The tailnet itself says so; `like` is a node whose name is close. */
  | { readonly kind: "absent"; readonly host: string; readonly like: string | undefined; readonly suffix: string }
  /** Found out by dialing. */
  | { readonly kind: "dialed"; readonly host: string; readonly failure: string | undefined };

const askTimeoutMs = 3_000;

export const tailnetName = targetCheck<NameFinding>({
  id: "tailnet.name",
  group: "tailnet",
  title: "the tailnet knows the server's name",
  needs: ["tailscale.state", "proxy.connect", "proxy.magicdns"],
  timeoutMs: 15_000,
  source: "https://tailscale.com/kb/1081/magicdns",
  explain: {
    proves: "The name in the server's URL belongs to a node that this one may see.",
    breaks:
      "A slip in the URL, a server that got another name when it joined again (notes-1), a node that was removed, or a tailnet policy that hides the server from this node altogether.",
    mend: "Compare with the names that tailscale status shows here; where the server is missing, look for it in the admin console and in the policy.",
  },
  gather: findName,
  judge: judgeName,
});

export function judgeName(found: NameFinding): Outcome {
  const { host } = found;
  switch (found.kind) {
    case "known":
      return {
        status: "pass",
        message: `${host} is ${found.addresses[0] ?? "an address"}`,
        facts: { host, addresses: [...found.addresses] },
      };
    case "absent": {
      const { like, suffix } = found;
      return {
        status: "fail",
        message: `no node that this one may see is called ${host}`,
        facts: { host, suffix, like: like ?? null },
        reproduce: "tailscale status",
        hint:
          like === undefined
            ? "check the name, and that the tailnet policy lets this node see the server"
            : `did you mean ${like}?`,
      };
    }
    case "dialed":
      if (found.failure === undefined) return { status: "pass", message: `${host} leads somewhere`, facts: { host } };
      return {
        status: "fail",
        message: `the name ${host} leads nowhere: ${found.failure}`,
        facts: { host, reason: found.failure },
        reproduce: "tailscale status",
        hint: "check the name, and that this machine is on the tailnet that has it",
      };
  }
}

async function findName(context: TargetContext, signal: AbortSignal): Promise<NameFinding> {
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
}

function labelOf(name: string): string {
  return name.split(".")[0] ?? "";
}
