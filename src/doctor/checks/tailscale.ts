import { shellQuote } from "../../core/shell-quote.ts";
import { locatePrograms, type Programs } from "../../tailscale/locate.ts";
import { machineCheck, type Outcome } from "../check.ts";
import { type DaemonAnswer, daemonAnswer } from "../facts/node-status.ts";
import { tailnetReached } from "../facts/tailnet-reach.ts";
import { plainText } from "../plain-text.ts";

const source = "https://github.com/tailscale/tailscale/blob/v1.102.5/ipn/backend.go";

export const tailscaleInstalled = machineCheck<{ programs: Programs; daemon: DaemonAnswer; reached: boolean }>({
  id: "tailscale.installed",
  group: "tailscale",
  title: "Tailscale is installed",
  needs: [],
  timeoutMs: 15_000,
  source: "https://tailscale.com/kb/1347/installation",
  explain: {
    proves: "tailscale and tailscaled are on PATH, or a daemon answers without them.",
    breaks: "An image without Tailscale, or a PATH that lacks its directory.",
    mend: "Install it in the image (https://tailscale.com/download), or let the tailnet come from a proxy elsewhere and name that in TSMCP_PROXY.",
  },
  async gather(context) {
    const programs = locatePrograms(context.world.env);
    const daemon = await daemonAnswer(context);
    const unexplained = programs.kind === "missing" && daemon.kind === "silent";
    return { programs, daemon, reached: unexplained && (await tailnetReached(context)) };
  },
  judge: judgeInstalled,
});

export function judgeInstalled({
  programs,
  daemon,
  reached,
}: {
  readonly programs: Programs;
  readonly daemon: DaemonAnswer;
  readonly reached: boolean;
}): Outcome {
  if (programs.kind === "found") {
    return {
      status: "pass",
      message: programs.tailscaled,
      facts: { tailscale: programs.tailscale, tailscaled: programs.tailscaled },
    };
  }
  const missing = programs.names.join(" and ");
  const facts = { missing: [...programs.names] };
  if (daemon.kind === "answered") {
    return { status: "pass", message: `tailscaled ${daemon.status.version} runs; ${missing} not on PATH`, facts };
  }
  if (reached) return { status: "skip", message: "the tailnet is reached without Tailscale on this machine", facts };
  return {
    status: "fail",
    message: `${missing} not found on PATH`,
    facts,
    reproduce: "command -v tailscale tailscaled",
    hint: "install Tailscale: https://tailscale.com/download",
  };
}

export const tailscaleState = machineCheck<{ daemon: DaemonAnswer; reached: boolean }>({
  id: "tailscale.state",
  group: "tailscale",
  title: "this machine is on the tailnet",
  needs: ["tailscale.installed"],
  timeoutMs: 15_000,
  source,
  explain: {
    proves: "tailscaled runs, is logged in and is online.",
    breaks: "The daemon was never started or died, the key expired, the node awaits approval, or somebody stopped it.",
    mend: 'Run "tsmcp up"; where it says NeedsLogin give it a fresh key, where NeedsMachineAuth approve the node in the admin console.',
  },
  async gather(context) {
    const daemon = await daemonAnswer(context);
    const isWell = daemon.kind === "answered" && daemon.status.backendState === "Running";
    return { daemon, reached: !isWell && (await tailnetReached(context)) };
  },
  judge: judgeState,
});

export function judgeState({
  daemon,
  reached,
  nowMs = Date.now(),
}: {
  readonly daemon: DaemonAnswer;
  readonly reached: boolean;
  readonly nowMs?: number;
}): Outcome {
  const reproduce = `tailscale --socket=${shellQuote(daemon.socket)} status --json | grep BackendState`;
  if (daemon.kind === "silent") {
    const facts = { socket: daemon.socket, reason: plainText(daemon.reason) };
    if (reached) return { status: "skip", message: "the tailnet is reached without tailscaled on this machine", facts };
    return { status: "fail", message: "tailscaled does not answer", facts, reproduce, hint: silenceHint(daemon) };
  }
  const { backendState, self, version, authUrl } = daemon.status;
  const facts = {
    state: backendState,
    version,
    name: self?.dnsName ?? null,
    ips: self?.ips ?? [],
    tags: self?.tags ?? [],
    online: self?.online ?? false,
    expired: self?.expired ?? false,
    keyExpiry: self?.keyExpiry ?? null,
  };
  if (backendState !== "Running") {
    const status = reached ? "warn" : "fail";
    // With an ended key tailscaled says NeedsLogin, and nothing of `Expired`.
    const hasEnded = self?.keyExpiry !== undefined && Date.parse(self.keyExpiry) <= nowMs;
    const why = backendState === "NeedsLogin" && hasEnded ? `: the node's key ended at ${self.keyExpiry}` : "";
    return {
      status,
      message: `tailscaled is ${backendState}${why}`,
      facts,
      reproduce,
      hint: stateHint(backendState, authUrl),
    };
  }
  if (self?.expired) {
    return {
      status: "fail",
      message: "the node's key has expired",
      facts,
      reproduce,
      hint: 'run "tsmcp up" with a fresh key',
    };
  }
  if (self?.online === false) {
    // Data flows on while the coordination server is away.
    return {
      status: "warn",
      message: "tailscaled runs, but has lost the coordination server",
      facts,
      reproduce,
      hint: "check that this machine may reach the coordination server",
    };
  }
  return { status: "pass", message: `${self?.dnsName ?? "this node"} is Running`, facts };
}

function silenceHint({ socket, code }: DaemonAnswer & { kind: "silent" }): string {
  if (code === "EACCES") return `let this user use ${socket}, or run as the user who may`;
  if (code === "ECONNREFUSED") return `start tailscaled again ("tsmcp up"): the one that left ${socket} is gone`;
  return 'start it: "tsmcp up", or name its socket with --socket';
}

function stateHint(state: string, authUrl: string): string {
  if (state === "NeedsMachineAuth") return "approve this node in the admin console, or use a pre-approved key";
  if (state === "Stopped") return 'run "tsmcp up", or "tailscale up"';
  if (state === "Starting" || state === "NoState") return "wait a moment: tsmcp doctor --wait 30s";
  if (state === "NeedsLogin" && authUrl !== "") return `log in at ${plainText(authUrl)}, or run "tsmcp up" with a key`;
  return 'run "tsmcp up" with a valid key';
}

export const tailscaleHealth = machineCheck<DaemonAnswer>({
  id: "tailscale.health",
  group: "tailscale",
  title: "tailscaled has no complaint",
  needs: ["tailscale.state"],
  timeoutMs: 5_000,
  source: "https://github.com/tailscale/tailscale/blob/v1.102.5/health/warnings.go",
  explain: {
    proves: "tailscaled's own health list is empty.",
    breaks: "No relay in reach, DNS that cannot be set, a state directory that cannot be written, a login that ended.",
    mend: "Do what the line says; most of them name the cause.",
  },
  gather: daemonAnswer,
  judge(daemon) {
    if (daemon.kind === "silent") return { status: "skip", message: "tailscaled does not answer" };
    const health = daemon.status.health.map((line) => plainText(line));
    const [first] = health;
    if (first === undefined) return { status: "pass", message: "nothing to complain about" };
    const more = health.length > 1 ? ` (and ${health.length - 1} more)` : "";
    return {
      status: "warn",
      message: `${first}${more}`,
      facts: { health },
      reproduce: `tailscale --socket=${shellQuote(daemon.socket)} status`,
      hint: "do what tailscaled says",
    };
  },
});
