import { isOnLoopback, parseServeTarget } from "../../tailscale/serve-target.ts";
import { isAtLeast, parseTailscaleVersion, type TailscaleVersion } from "../../tailscale/version.ts";
import { type Outcome, targetCheck } from "../check.ts";
import { nodeBehindPort } from "../facts/backend-node.ts";
import { type OwnHost, ownHost, type ServerHost, sharedExposures } from "../facts/own-host.ts";
import { plainText } from "../plain-text.ts";

export interface HostVersions {
  readonly host: OwnHost;
  /** Of the Node.js behind both sides, where there is one. */
  readonly node: string | undefined;
}

interface Flaw {
  readonly status: "fail" | "warn";
  readonly what: string;
  readonly hint: string;
}

const at = (major: number, minor: number, patch = 0): TailscaleVersion => ({ major, minor, patch });
const newTailscale = "install a current Tailscale: https://tailscale.com/download";

export const separationHostVersions = targetCheck<HostVersions>({
  id: "separation.host-versions",
  group: "separation",
  title: "the server's host runs no version with a known hole",
  needs: [],
  timeoutMs: 10_000,
  source: "https://nodejs.org/api/http.html#servermaxheaderscount",
  explain: {
    proves:
      "On the server's own host: tailscaled marks Funnel's requests (1.72), removes forged capabilities (1.92) and does not spin on odd request targets (1.98.10, 1.100.1); a Node.js that stands behind both sides refuses too many headers (22.23.3, 24.21.0).",
    breaks:
      "An old tailscaled passes on what a stranger wrote; an old Node.js keeps the first 1,000 header lines and drops the rest, Funnel's mark among them.",
    mend: "Update Tailscale and Node.js, or set server.maxHeadersCount = 0 in the server.",
  },
  async gather(context, signal) {
    const host = await ownHost(context);
    const port = host.kind === "here" ? sharedPort(host) : undefined;
    return { host, node: port === undefined ? undefined : await nodeBehindPort(port, signal) };
  },
  judge: judgeHostVersions,
});

export function judgeHostVersions({ host, node }: HostVersions): Outcome {
  if (host.kind === "elsewhere") return { status: "skip", message: host.reason };
  const shown = plainText(host.version, 60);
  const parsed = parseTailscaleVersion(host.version);
  const facts = { tailscaled: shown, node: node ?? null };
  if (parsed === undefined) {
    return {
      status: "unknown",
      message: `tailscaled calls itself ${JSON.stringify(shown)}, which is no version`,
      facts,
    };
  }
  const hasFunnel = host.exposures.some(({ isFunnel }) => isFunnel);
  const flaws = [...tailscaleFlaws(parsed, hasFunnel), ...(node === undefined ? [] : nodeFlaws(node))];
  const worst = flaws.find(({ status }) => status === "fail") ?? flaws[0];
  const versions = `tailscaled ${shown}${node === undefined ? "" : `, Node.js ${node}`}`;
  if (worst === undefined) return { status: "pass", message: versions, facts };
  return {
    status: worst.status,
    message: `${versions}: ${worst.what}`,
    facts: { ...facts, flaws: flaws.map(({ what }) => what) },
    reproduce: "tailscale version; node --version",
    hint: worst.hint,
  };
}

/** Source: seen by running these versions; the last by tailscale `ipn/ipnlocal/serve.go` before and after. */
function tailscaleFlaws(version: TailscaleVersion, hasFunnel: boolean): readonly Flaw[] {
  const flaws: Flaw[] = [];
  if (hasFunnel && !isAtLeast(version, at(1, 72))) {
    flaws.push({ status: "fail", what: "a request from the internet bears no mark", hint: newTailscale });
  }
  if (!isAtLeast(version, at(1, 92))) {
    flaws.push({ status: "warn", what: "anybody can forge the capabilities header", hint: newTailscale });
  }
  const isMended = version.minor === 98 ? isAtLeast(version, at(1, 98, 10)) : isAtLeast(version, at(1, 100, 1));
  if (hasFunnel && !isMended) {
    flaws.push({
      status: "warn",
      what: "one request from the internet can keep a core busy for ever",
      hint: newTailscale,
    });
  }
  return flaws;
}

/** A line newer than those that were run is left to the attack itself (`separation.header-count`). */
function nodeFlaws(node: string): readonly Flaw[] {
  const version = parseTailscaleVersion(node);
  if (version === undefined || version.major > 24) return [];
  const since = version.major === 22 ? at(22, 23, 3) : at(24, 21);
  if (isAtLeast(version, since)) return [];
  return [
    {
      status: "warn",
      what: "it drops Funnel's mark behind a thousand header lines",
      hint: "update Node.js (22.23.3, 24.21.0), or set server.maxHeadersCount = 0 in the server",
    },
  ];
}

/** The marks of a request decide only where one server stands behind both sides. */
function sharedPort(host: ServerHost): number | undefined {
  const [port] = sharedExposures(host).flatMap(({ target: text }) => {
    const target = text === undefined ? undefined : parseServeTarget(text);
    return target?.kind === "address" && isOnLoopback(target) ? [target.port] : [];
  });
  return port;
}
