import { TsmcpError } from "../../core/errors.ts";
import { readServeText } from "../../tailscale/local-api.ts";
import { isAtLeast, parseTailscaleVersion, type TailscaleVersion } from "../../tailscale/version.ts";
import { machineCheck, type Outcome } from "../check.ts";
import { daemonAnswer } from "../facts/node-status.ts";
import { plainText } from "../plain-text.ts";

/** What this node does that not every version of tailscaled does, or does safely. */
export type TailscaleFeature = "proxy" | "funnel" | "app-capabilities" | "unix-backend";

interface VersionFinding {
  /** Undefined: no daemon on this machine. */
  readonly version: string | undefined;
  readonly features: readonly TailscaleFeature[];
}

interface Requirement {
  readonly since: TailscaleVersion;
  readonly status: "fail" | "warn";
  readonly why: string;
}

const at = (major: number, minor: number, patch = 0): TailscaleVersion => ({ major, minor, patch });

/** Sources: tailscale/tailscale#3422 for the shared port; the others were seen by running the versions before. */
const requirements: Readonly<Record<TailscaleFeature, Requirement>> = {
  proxy: { since: at(1, 20), status: "fail", why: "SOCKS5 and HTTP proxy cannot share a port" },
  funnel: { since: at(1, 72), status: "fail", why: "a request from the internet bears no mark" },
  "app-capabilities": { since: at(1, 92), status: "fail", why: "anybody can forge the capabilities header" },
  "unix-backend": { since: at(1, 94), status: "fail", why: "Serve knows no unix: target" },
};

const askTimeoutMs = 3_000;

export const tailscaleVersion = machineCheck<VersionFinding>({
  id: "tailscale.version",
  group: "tailscale",
  title: "tailscaled is new enough for what it does here",
  needs: ["tailscale.installed"],
  timeoutMs: 5_000,
  source: "https://tailscale.com/changelog",
  explain: {
    proves:
      "This machine's tailscaled has, and keeps safe, what is in use here: the userspace proxy (1.20), Funnel's mark (1.72), app capabilities on Serve (1.92), unix sockets behind Serve (1.94).",
    breaks: "A package of an old distribution, or a pinned image.",
    mend: "Install a current Tailscale: https://tailscale.com/download",
  },
  async gather(context, signal) {
    const daemon = await daemonAnswer(context);
    if (daemon.kind === "silent") return { version: undefined, features: [] };
    const { version, usesTun } = daemon.status;
    const served = await readServeText({ socket: daemon.socket, timeoutMs: askTimeoutMs, signal }).catch(
      (error: unknown) => {
        if (error instanceof TsmcpError && !signal.aborted) return "null";
        throw error;
      },
    );
    return { version, features: [...(usesTun ? [] : (["proxy"] as const)), ...servedFeatures(served)] };
  },
  judge: judgeVersion,
});

/** Returns what a Serve configuration, as LocalAPI writes it, makes use of. */
export function servedFeatures(json: string): readonly TailscaleFeature[] {
  const uses: readonly (readonly [TailscaleFeature, RegExp])[] = [
    ["funnel", /"AllowFunnel":\s*\{[^}]*true/],
    ["app-capabilities", /"AcceptAppCaps":\s*\[\s*"/],
    ["unix-backend", /"Proxy":\s*"unix:/],
  ];
  return uses.filter(([, pattern]) => pattern.test(json)).map(([feature]) => feature);
}

export function judgeVersion({ version, features }: VersionFinding): Outcome {
  if (version === undefined) return { status: "skip", message: "no tailscaled on this machine to ask" };
  const shown = plainText(version, 60);
  const parsed = parseTailscaleVersion(version);
  const facts = { version: shown, features: [...features] };
  if (parsed === undefined) {
    return {
      status: "unknown",
      message: `tailscaled calls itself ${JSON.stringify(shown)}, which is no version`,
      facts,
    };
  }
  const unmet = features
    .map((feature) => ({ feature, ...requirements[feature] }))
    .filter(({ since }) => !isAtLeast(parsed, since));
  const [first] = unmet;
  if (first === undefined) return { status: "pass", message: `tailscaled ${shown}`, facts };
  const since = `${first.since.major}.${first.since.minor}`;
  return {
    status: first.status,
    message: `tailscaled ${shown} is too old for what it does here: before ${since} ${first.why}`,
    facts: { ...facts, unmet: unmet.map(({ feature }) => feature) },
    reproduce: "tailscale version",
    hint: `install Tailscale ${since} or newer: https://tailscale.com/download`,
  };
}
