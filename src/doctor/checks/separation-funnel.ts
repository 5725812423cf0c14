import { type Outcome, targetCheck } from "../check.ts";
import { type OwnHost, ownHost, sharedExposures } from "../facts/own-host.ts";

export const separationFunnel = targetCheck<OwnHost>({
  id: "separation.funnel",
  group: "separation",
  title: "Funnel is off at the tailnet's port, and passes on no raw TCP",
  needs: [],
  timeoutMs: 10_000,
  source: "https://tailscale.com/kb/1223/funnel",
  explain: {
    proves:
      "On the server's own host: Funnel is not allowed at the port that is meant for the tailnet, and what it shows of the server goes through tailscaled's HTTP proxy, which removes forged headers.",
    breaks:
      "funnel --https=8443 makes every handler of the tailnet's port public; with --tcp or --tls-terminated-tcp nothing is stripped, so a stranger writes Tailscale-User-Login and X-Forwarded-For.",
    mend: "On the server run: tailscale funnel --https=8443 off; use --https and never --tcp for a server that goes by headers.",
  },
  gather: ownHost,
  judge: judgeFunnel,
});

export function judgeFunnel(found: OwnHost): Outcome {
  if (found.kind === "elsewhere") return { status: "skip", message: found.reason };
  const { exposures, inside, tailnetPort, publicPorts } = found;
  const outside = exposures.filter(({ isFunnel }) => isFunnel);
  const facts = { ports: [...new Set(outside.map(({ port }) => port))] };
  const reproduce = "tailscale funnel status --json";
  if (inside.some(({ isFunnel }) => isFunnel)) {
    const isMeant = publicPorts.includes(tailnetPort);
    return {
      status: isMeant ? "warn" : "fail",
      message: isMeant
        ? `port ${tailnetPort} is the tailnet's and the internet's at once`
        : `Funnel is on at ${tailnetPort}, the port that is meant for the tailnet`,
      facts,
      reproduce,
      hint: `run: tailscale funnel --https=${tailnetPort} off, then serve the port anew with tailscale serve`,
    };
  }
  const shared = sharedExposures(found);
  const raw = outside.filter((one) => one.kind === "tcp" && (publicPorts.includes(one.port) || shared.includes(one)));
  const worst = raw.find((one) => shared.includes(one)) ?? raw[0];
  if (worst !== undefined) {
    const leadsInside = shared.includes(worst);
    return {
      status: leadsInside ? "fail" : "warn",
      message: `Funnel hands on raw TCP at ${worst.port}${leadsInside ? ", to the tailnet's own server" : ""}`,
      facts: { ...facts, why: "tailscaled removes no forged header from raw TCP, and marks nothing as Funnel's" },
      reproduce,
      hint: `run: tailscale funnel --tls-terminated-tcp=${worst.port} off, then tailscale funnel --https=${worst.port} with a server of its own`,
    };
  }
  if (outside.length === 0) return { status: "pass", message: "Funnel is off on this node", facts };
  return { status: "pass", message: `Funnel is on at ${facts.ports.join(" and ")} alone`, facts };
}
