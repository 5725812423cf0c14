import { isAtLeast, type TailscaleVersion } from "../tailscale/version.ts";
import { mayServe } from "./backend.ts";
import type { ExposeFacts } from "./facts.ts";
import type { Refusal } from "./refusal.ts";
import { type ExposeRequest, publicPort } from "./request.ts";

const at = (major: number, minor: number, patch = 0): TailscaleVersion => ({ major, minor, patch });

/** The words of the command line that we use. Source: tailscale 1.52 and 1.86 changelogs. */
const neededProgram = at(1, 52);
const neededForServices = at(1, 86);

const adminDns = "https://login.tailscale.com/admin/dns";
const adminPolicy = "https://login.tailscale.com/admin/acls/file";
const download = "https://tailscale.com/download";

/** Returns everything that this node, its user and its tailnet lack, the first thing to mend first. */
export function nodeRefusals(facts: ExposeFacts, request: ExposeRequest): readonly Refusal[] {
  const { status } = facts;
  if (status.backendState !== "Running" || status.self === undefined || status.self.dnsName === "") {
    return [
      {
        id: "node.state",
        what: `this node is not on a tailnet (tailscaled is in the state ${status.backendState})`,
        mend: "log in",
        lines: ["tailscale up"],
      },
    ];
  }
  return [
    ...programRefusals(facts, request),
    ...rightsRefusals(facts),
    ...shieldsRefusals(facts),
    ...tailnetRefusals(facts),
    ...(request.funnel ? funnelRefusals(facts) : []),
    ...(request.service === undefined ? [] : serviceRefusals(facts)),
  ];
}

function programRefusals({ cli }: ExposeFacts, { service }: ExposeRequest): readonly Refusal[] {
  if (cli === undefined) {
    return [
      {
        id: "program.missing",
        what: '"tailscale" is not on PATH',
        mend: "put it there, or get it",
        lines: ["tsmcp install"],
      },
    ];
  }
  const needed = service === undefined ? neededProgram : neededForServices;
  if (cli.version !== undefined && isAtLeast(cli.version, needed)) return [];
  return [
    {
      id: "program.outdated",
      what: `${cli.path} ${cli.version === undefined ? "does not tell its version" : `is ${textOf(cli.version)}`}, and ${needed.major}.${needed.minor} is needed`,
      mend: "install a current Tailscale",
      lines: [download],
    },
  ];
}

function rightsRefusals({ user }: ExposeFacts): readonly Refusal[] {
  if (mayServe(user)) return [];
  return [
    {
      id: "user.rights",
      what: `tailscaled takes no change from ${user.name}`,
      mend: "make this user its operator, or run as root",
      lines: [`sudo tailscale set --operator=${user.name}`],
    },
  ];
}

function shieldsRefusals({ shieldsUp }: ExposeFacts): readonly Refusal[] {
  if (!shieldsUp) return [];
  return [
    {
      id: "node.shields-up",
      what: "shields are up: nobody reaches this node, neither through Serve nor through Funnel",
      mend: "lower them",
      lines: ["tailscale set --shields-up=false"],
    },
  ];
}

function tailnetRefusals({ status }: ExposeFacts): readonly Refusal[] {
  const refusals: Refusal[] = [];
  if (status.isMagicDnsOff === true) {
    refusals.push({
      id: "tailnet.magic-dns",
      what: "MagicDNS is off in this tailnet, so nobody there finds this node's name",
      mend: "switch MagicDNS on",
      lines: [adminDns],
    });
  }
  if (status.self?.capabilities.includes("https") !== true) {
    refusals.push({
      id: "tailnet.https",
      what: "HTTPS is off in this tailnet, so this node gets no certificate",
      mend: "switch HTTPS certificates on, below MagicDNS",
      lines: [adminDns],
    });
  }
  return refusals;
}

function funnelRefusals(facts: ExposeFacts): readonly Refusal[] {
  const { status, version } = facts;
  const capabilities = status.self?.capabilities ?? [];
  const refusals: Refusal[] = [];
  if (version === undefined || !isSafeForFunnel(version)) {
    refusals.push({
      id: "version.funnel",
      what: `tailscaled ${status.version} spins for ever on a request that anybody on the internet can send through Funnel (mended in 1.98.10 and 1.100.1)`,
      mend: "install a current Tailscale, or leave the internet out with --no-funnel",
      lines: [download],
    });
  }
  if (!capabilities.includes("funnel")) {
    refusals.push({
      id: "tailnet.funnel",
      what: "the tailnet's policy does not let this node use Funnel",
      mend: `add this to the policy (${adminPolicy}), or leave the internet out with --no-funnel`,
      lines: [`"nodeAttrs": [{ "target": [${JSON.stringify(targetOf(facts))}], "attr": ["funnel"] }],`],
    });
  } else if (!isFunnelPort(capabilities, publicPort)) {
    refusals.push({
      id: "tailnet.funnel-port",
      what: `the tailnet does not let this node use Funnel on port ${publicPort} (${funnelPorts(capabilities) ?? "no port is named"})`,
      mend: "ask who administers the tailnet, or leave the internet out with --no-funnel",
      lines: [adminPolicy],
    });
  }
  return refusals;
}

/** Source: tailscale `cmd/tailscale/cli/serve_v2.go` runServeCombined. */
function serviceRefusals({ status }: ExposeFacts): readonly Refusal[] {
  if ((status.self?.tags.length ?? 0) > 0) return [];
  return [
    {
      id: "node.untagged",
      what: "only a tagged node can be the host of a Tailscale Service",
      mend: "log in with a tag that the policy's tagOwners give you",
      lines: ["tailscale up --advertise-tags=tag:server"],
    },
  ];
}

/** A request target of `*` or CONNECT. Source: seen on 1.90.9; tailscale `ipn/ipnlocal/serve.go` before and after. */
function isSafeForFunnel(version: TailscaleVersion): boolean {
  return version.minor === 98 && version.major === 1
    ? isAtLeast(version, at(1, 98, 10))
    : isAtLeast(version, at(1, 100, 1));
}

/** Whom a policy names: the first tag, else the owner. */
function targetOf({ status: { self } }: ExposeFacts): string {
  return self?.tags[0] ?? self?.login ?? "autogroup:member";
}

/** Source: tailscale `ipn/serve.go` CheckFunnelPort. */
function isFunnelPort(capabilities: readonly string[], port: number): boolean {
  return (funnelPorts(capabilities) ?? "").split(",").some((part) => {
    const [first = "", last = first] = part.split("-");
    return part !== "" && Number(first) <= port && port <= Number(last);
  });
}

function funnelPorts(capabilities: readonly string[]): string | undefined {
  const prefix = "https://tailscale.com/cap/funnel-ports?";
  const found = capabilities.find((one) => one.startsWith(prefix));
  return found === undefined ? undefined : (new URLSearchParams(found.slice(prefix.length)).get("ports") ?? undefined);
}

function textOf({ major, minor, patch }: TailscaleVersion): string {
  return `${major}.${minor}.${patch}`;
}
