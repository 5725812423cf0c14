import { isAddress } from "../../net/address.ts";
import { isAtLeast, type TailscaleVersion } from "../../tailscale/version.ts";
import { change, logOut } from "../daemon/daemon.ts";
import { addressesOf, prefixesOf, stableId, whoisJson } from "../daemon/node-json.ts";
import { prefsJson, statusJson, versionText } from "../daemon/status-json.ts";
import { goJson } from "../front/marks.ts";
import { nodeOfAddress } from "../tailnet.ts";
import { type FlagKinds, isOn, parseFlags, unimitated } from "./flags.ts";
import { type Call, type Invocation, notImitated, type ProgramWorld, untilAborted } from "./program.ts";
import { runServe } from "./serve.ts";
import { statusText } from "./status-text.ts";
import { runUp } from "./up.ts";

/** Runs `tailscale` with these arguments and returns its exit code. Source: tailscale `cmd/tailscale/cli`; run on 1.102.5. */
export async function runTailscale(call: Call, world: ProgramWorld): Promise<number> {
  const top = parseFlags(call.argv, { socket: "text", version: "switch" });
  if (top.kind !== "parsed") return misused(call, top.kind === "invalid" ? top.message : "");
  const [name = "", ...rest] = top.rest;
  if (name === "version" || isOn(top.flags, "version")) return version(call, world);
  const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (subcommand === undefined) {
    call.writeError(
      `tailscale: unknown subcommand: ${name} (the sandbox knows ${Object.keys(subcommands).join(", ")})\n`,
    );
    return 1;
  }
  const parsed = parseFlags(rest, flagsAt(world.tailnet.version, subcommand.flags));
  if (parsed.kind === "invalid") return misused(call, parsed.message);
  if (parsed.kind === "unimitated") return notImitated(call, `tailscale ${name} --${parsed.name}`);
  const daemon = world.daemons.get(top.flags.get("socket") ?? world.defaultSocket);
  if (daemon === undefined) {
    call.writeError("failed to connect to local tailscaled; it doesn't appear to be running\n");
    return 1;
  }
  return subcommand.run({ call, daemon, world, flags: parsed.flags, words: parsed.rest, name });
}

interface Subcommand {
  readonly flags: FlagKinds;
  readonly run: (invocation: Invocation) => Promise<number> | number;
}

const serveFlags: FlagKinds = {
  bg: "switch",
  yes: "switch",
  https: "text",
  "set-path": "text",
  ...unimitated("tcp", "tls-terminated-tcp", "proxy-protocol"),
};

const upFlags: FlagKinds = {
  reset: "switch",
  "login-server": "text",
  hostname: "text",
  "advertise-tags": "text",
  "accept-routes": "switch",
  "shields-up": "switch",
  timeout: "text",
  "auth-key": "text",
  "client-secret": "text",
  "client-id": "text",
  "id-token": "text",
  ...unimitated("accept-dns", "accept-risk", "advertise-connector", "advertise-exit-node", "advertise-routes"),
  ...unimitated("audience", "exit-node", "exit-node-allow-lan-access", "force-reauth", "json", "netfilter-mode"),
  ...unimitated("operator", "qr", "qr-format", "report-posture", "snat-subnet-routes", "ssh", "stateful-filtering"),
};

const subcommands: Readonly<Record<string, Subcommand>> = {
  up: { flags: upFlags, run: runUp },
  down: { flags: unimitated("accept-risk", "reason"), run: down },
  logout: { flags: unimitated("reason"), run: logout },
  status: {
    flags: {
      json: "switch",
      peers: "switch",
      self: "switch",
      ...unimitated("active", "browser", "header", "listen", "web"),
    },
    run: status,
  },
  ip: { flags: { "4": "switch", "6": "switch", "1": "switch", ...unimitated("assert") }, run: ip },
  whois: { flags: { json: "switch", ...unimitated("proto") }, run: whois },
  debug: { flags: {}, run: debug },
  serve: {
    flags: { ...serveFlags, "accept-app-caps": "text", ...unimitated("http", "service", "tun") },
    run: runServe,
  },
  funnel: { flags: serveFlags, run: runServe },
};

/** Before 1.92 there was no such flag; run on 1.90.9. */
function flagsAt(version: TailscaleVersion, { "accept-app-caps": acceptAppCaps, ...flags }: FlagKinds): FlagKinds {
  const isKnown = acceptAppCaps !== undefined && isAtLeast(version, { major: 1, minor: 92, patch: 0 });
  return isKnown ? { ...flags, "accept-app-caps": acceptAppCaps } : flags;
}

/** Go's `flag` says what is wrong, then the usage, which nobody's program reads. */
function misused(call: Call, message: string): number {
  call.writeError(`${message}\n`);
  return 2;
}

function version({ write }: Call, { tailnet }: ProgramWorld): number {
  const text = versionText(tailnet.version);
  write(`${text}\n  long version: ${text}\n  go version: none (tsmcp sandbox)\n`);
  return 0;
}

function down({ call, daemon }: Invocation): number {
  if (daemon.state === "Stopped") call.writeError("Tailscale was already stopped.\n");
  else if (daemon.state !== "NeedsLogin") change(daemon, { state: "Stopped", wantRunning: false });
  return 0;
}

async function logout({ call, daemon, world }: Invocation): Promise<number> {
  if (world.faults.control === "down" && daemon.node !== undefined) await untilAborted(call.signal);
  else logOut(daemon);
  return 0;
}

function status({ call, daemon, flags }: Invocation): number {
  if (isOn(flags, "json")) {
    call.write(goJson(statusJson(daemon, { withPeers: isOn(flags, "peers", true) }), "  "));
    return 0;
  }
  const { text, exitCode } = statusText(daemon);
  call.write(text);
  return exitCode;
}

function ip({ call, daemon, flags }: Invocation): number {
  if (daemon.node === undefined) {
    call.writeError(`no current Tailscale IPs; state: ${daemon.state}\n`);
    return 1;
  }
  if (isOn(flags, "6")) {
    call.writeError("no Tailscale IPv6 address\n");
    return 1;
  }
  call.write(
    addressesOf(daemon.node)
      .map((address) => `${address}\n`)
      .join(""),
  );
  return 0;
}

function whois({ call, world, flags, words }: Invocation): number {
  const [address = ""] = words;
  const node = isAddress(address) ? nodeOfAddress(world.tailnet, address) : undefined;
  if (node === undefined) {
    call.writeError("peer not found\n");
    return 1;
  }
  if (isOn(flags, "json")) {
    call.write(`${goJson(whoisJson(node, versionText(world.tailnet.version)), "  ")}\n`);
    return 0;
  }
  const owner =
    node.tags.length > 0
      ? `  Tags:          ${node.tags.join(", ")}\n`
      : `User:\n  Name:     ${node.user.login}\n  ID:       ${node.user.id}\n`;
  const addresses = `[${prefixesOf(node).join(" ")}]`;
  call.write(
    `Machine:\n  Name:          ${node.dnsName}\n  ID:            ${stableId(node)}\n  Addresses:     ${addresses}\n${owner}`,
  );
  return 0;
}

function debug({ call, daemon, words }: Invocation): number {
  if (words[0] === "prefs") {
    call.write(`${goJson(prefsJson(daemon), "\t")}\n`);
    return 0;
  }
  return notImitated(call, ["tailscale debug", ...words].join(" "));
}
