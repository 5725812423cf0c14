import { TsmcpError } from "../../core/errors.ts";
import { shellQuote } from "../../core/shell-quote.ts";
import { readPreferences, readServeText } from "../../tailscale/local-api.ts";
import { machineCheck, type Outcome } from "../check.ts";
import type { MachineContext } from "../context.ts";
import { type DaemonAnswer, daemonAnswer } from "../facts/node-status.ts";

const silentOutcome: Outcome = { status: "skip", message: "no tailscaled on this machine to ask" };
const dayMs = 24 * 60 * 60 * 1_000;
const soonDays = 7;
const askTimeoutMs = 3_000;

export const tailscaleExpiry = machineCheck<{ daemon: DaemonAnswer; nowMs: number }>({
  id: "tailscale.expiry",
  group: "tailscale",
  title: "the node's key lasts",
  needs: ["tailscale.state"],
  timeoutMs: 15_000,
  source: "https://tailscale.com/kb/1028/key-expiry",
  explain: {
    proves: "The key of this node ends in more than a week, or never.",
    breaks: "A node that a person logged in ends after 180 days by default; tagged nodes do not end.",
    mend: "Log in again before that, switch the node's key expiry off in the admin console, or join with a tagged key.",
  },
  gather: async (context) => ({ daemon: await daemonAnswer(context), nowMs: Date.now() }),
  judge: judgeExpiry,
});

export function judgeExpiry({ daemon, nowMs }: { readonly daemon: DaemonAnswer; readonly nowMs: number }): Outcome {
  if (daemon.kind === "silent") return silentOutcome;
  const keyExpiry = daemon.status.self?.keyExpiry;
  if (keyExpiry === undefined)
    return { status: "pass", message: "the node's key does not end", facts: { keyExpiry: null } };
  const days = Math.floor((Date.parse(keyExpiry) - nowMs) / dayMs);
  const facts = { keyExpiry, daysLeft: days };
  if (days >= soonDays) return { status: "pass", message: `the node's key lasts ${days} more days`, facts };
  return {
    status: "warn",
    message:
      days < 0
        ? `the node's key ended at ${keyExpiry}`
        : `the node's key ends in ${days} ${days === 1 ? "day" : "days"}`,
    facts,
    hint: "log in again, or join with a tagged key, which does not end",
  };
}

interface TagsFinding {
  readonly daemon: DaemonAnswer;
  readonly expected: readonly string[];
}

export const tailscaleTags = machineCheck<TagsFinding>({
  id: "tailscale.tags",
  group: "tailscale",
  title: "this node is whom the policy expects",
  needs: ["tailscale.state"],
  timeoutMs: 15_000,
  source: "https://tailscale.com/kb/1068/tags",
  explain: {
    proves: "This node has the tags that the configuration (tailscale.advertiseTags) names; grants go by them.",
    breaks: "A key without tags, a key with other tags, or an administrator who took one away.",
    mend: "Join with a key that has the tags: tsmcp up --advertise-tags TAG, with a key or client that owns the tag.",
  },
  gather: async (context) => ({
    daemon: await daemonAnswer(context),
    expected: context.request.expectedTags ?? [],
  }),
  judge: judgeTags,
});

export function judgeTags({ daemon, expected }: TagsFinding): Outcome {
  if (daemon.kind === "silent") return silentOutcome;
  const { tags = [], login } = daemon.status.self ?? {};
  const missing = expected.filter((tag) => !tags.includes(tag));
  const facts = { tags: [...tags], expected: [...expected], missing, login: login ?? null };
  const is = tags.length > 0 ? tags.join(", ") : `untagged, of ${login ?? "an unknown owner"}`;
  if (missing.length === 0) return { status: "pass", message: `this node is ${is}`, facts };
  return {
    status: "fail",
    message: `this node is ${is}, and should be ${missing.join(", ")}`,
    facts,
    hint: `log out and join with a key that has the tags: tsmcp down, then tsmcp up --advertise-tags ${expected.join(",")}`,
  };
}

interface ShieldsFinding {
  readonly daemon: DaemonAnswer;
  readonly shieldsUp: boolean;
  readonly serves: boolean;
}

export const tailscaleShields = machineCheck<ShieldsFinding | undefined>({
  id: "tailscale.shields",
  group: "tailscale",
  title: "shields are up on an agent's machine, and down on a server",
  needs: ["tailscale.state"],
  timeoutMs: 15_000,
  source: "https://tailscale.com/kb/1072/client-preferences",
  explain: {
    proves:
      "Nobody on the tailnet can connect to a machine without a TUN that serves nothing: tailscaled in userspace would hand such connections to 127.0.0.1, the proxy's own port among them. On a machine that serves, shields would shut Serve.",
    breaks: "A join without --shields-up; on a server, a join with it.",
    mend: "On an agent's machine: tailscale set --shields-up. On a server: tailscale set --shields-up=false.",
  },
  gather: findShields,
  judge: judgeShields,
});

export function judgeShields(found: ShieldsFinding | undefined): Outcome {
  if (found === undefined || found.daemon.kind === "silent") return silentOutcome;
  const { daemon, shieldsUp, serves } = found;
  const { usesTun } = daemon.status;
  const facts = { shieldsUp, serves, usesTun };
  const command = `tailscale --socket=${shellQuote(daemon.socket)} set --shields-up`;
  if (shieldsUp && serves) {
    return {
      status: "warn",
      message: "this machine serves, and its shields keep everybody out",
      facts,
      hint: `let them down: ${command}=false`,
    };
  }
  if (shieldsUp) return { status: "pass", message: "shields are up", facts };
  if (serves) return { status: "pass", message: "shields are down: this machine serves", facts };
  if (usesTun) return { status: "pass", message: "shields are down; with a TUN that opens no loopback port", facts };
  return {
    status: "warn",
    message:
      "shields are down: peers that the policy lets in reach what listens on this machine's 127.0.0.1, the proxy too",
    facts,
    hint: `put them up: ${command}`,
  };
}

async function findShields(context: MachineContext, signal: AbortSignal): Promise<ShieldsFinding | undefined> {
  const daemon = await daemonAnswer(context);
  if (daemon.kind === "silent") return undefined;
  const api = { socket: daemon.socket, timeoutMs: askTimeoutMs, signal };
  const [{ shieldsUp }, served] = await Promise.all([
    readPreferences(api),
    readServeText(api).catch((error: unknown) => {
      if (error instanceof TsmcpError && !signal.aborted) return "null";
      throw error;
    }),
  ]);
  return { daemon, shieldsUp, serves: /"(TCP|Web|Services|Foreground)":\s*\{\s*"/.test(served) };
}

export const tailscaleEphemeral = machineCheck<DaemonAnswer>({
  id: "tailscale.ephemeral",
  group: "tailscale",
  title: "no earlier boot holds this node's name",
  needs: ["tailscale.state"],
  timeoutMs: 15_000,
  source: "https://tailscale.com/kb/1111/ephemeral-nodes",
  explain: {
    proves:
      "The node has the name it asked for. Where an earlier boot left a node behind, the next gets a number: agent-1.",
    breaks: "Keys that are not ephemeral on machines that come and go, and machines that are killed before tsmcp down.",
    mend: 'Use ephemeral keys, end with "tsmcp down", and remove the nodes that are left in the admin console.',
  },
  gather: daemonAnswer,
  judge: judgeEphemeral,
});

export function judgeEphemeral(daemon: DaemonAnswer): Outcome {
  const self = daemon.kind === "answered" ? daemon.status.self : undefined;
  if (self === undefined) return silentOutcome;
  const label = self.dnsName.split(".")[0] ?? "";
  const asked = labelOf(self.hostName);
  const facts = { name: label, asked };
  if (asked === "" || !new RegExp(`^${asked}-\\d+$`).test(label)) {
    return { status: "pass", message: `this node is called ${label}`, facts };
  }
  return {
    status: "warn",
    message: `this node asked for the name ${asked} and is called ${label}: another node has that name, perhaps left by an earlier boot`,
    facts,
    hint: "remove the old node in the admin console, and use ephemeral keys",
  };
}

/** As the coordination server makes a DNS label of a host name. Source: tailscale `util/dnsname`, `SanitizeHostname`. */
function labelOf(hostName: string): string {
  return (hostName.split(".")[0] ?? "")
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
}
