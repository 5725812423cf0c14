import { randomBytes } from "node:crypto";
import { change, type Daemon, type DaemonSettings, defaultLoginServer, logIn, logOut } from "../daemon/daemon.ts";
import { isOn } from "./flags.ts";
import { type Call, type Invocation, untilAborted } from "./program.ts";

const timedOut =
  'timeout waiting for Tailscale service to enter a Running state; check health with "tailscale status"\n';

/** `tailscale up`. Source: tailscale `cmd/tailscale/cli/up.go`; texts and exit codes run on 1.102.5. */
export async function runUp({ call, daemon, flags, words }: Invocation): Promise<number> {
  if (words.length > 0) return failed(call, `too many non-flag arguments: ${JSON.stringify(words)}`);
  const hostname = flags.get("hostname") ?? "";
  const defect = hostnameDefect(hostname);
  if (defect !== undefined) return failed(call, defect);
  const limit = parseTimeout(flags.get("timeout") ?? "0s");
  if (limit === undefined)
    return failed(call, `invalid value ${JSON.stringify(flags.get("timeout"))} for flag -timeout: parse error`);
  const credential = credentialOf(call, flags);
  if (credential !== undefined && "problem" in credential) return failed(call, credential.problem);
  const settings = settingsOf(flags, hostname);
  const isBare = [...flags.keys()].every((name) => name === "timeout");
  if (
    isBare &&
    daemon.state === "Running" &&
    (daemon.settings.loginServer || defaultLoginServer) !== defaultLoginServer
  )
    return failed(call, "can't change --login-server without --force-reauth");
  if (!isBare && !isOn(flags, "reset") && differs(daemon, settings)) return failed(call, unmentioned(daemon, settings));
  if (!isBare) change(daemon, { settings });
  const before = daemon.state;
  change(daemon, { wantRunning: true });
  if (before === "Running" && credential !== undefined) return joinAgain(daemon, credential.key, call);
  if (before === "Running" || before === "Stopped") {
    change(daemon, { state: "Running" });
    return 0;
  }
  if (credential !== undefined) {
    const outcome = logIn(daemon, { key: credential.key, fallbackName: call.hostname });
    if (outcome === "joined") return 0;
    if (typeof outcome === "object") return failed(call, `backend error: ${outcome.refused}`);
    if (outcome === "needs-approval")
      call.writeError(`\nTo approve your machine, visit (as admin):\n\n\t${daemon.settings.loginServer}/admin\n\n`);
  } else if (daemon.state !== "NeedsMachineAuth" && daemon.control.faults.control === "up") {
    const authUrl = `${daemon.settings.loginServer || defaultLoginServer}/a/${randomBytes(8).toString("hex")}`;
    change(daemon, { authUrl, loginError: "" });
    call.writeError(`\nTo authenticate, visit:\n\n\t${authUrl}\n\n`);
  }
  return untilRunning(daemon, call, limit);
}

/** A key on a node that runs: the command is done at once, and the node is logged out when the key is wrong. */
function joinAgain(daemon: Daemon, key: string, call: Call): number {
  const outcome = logIn(daemon, { key, fallbackName: call.hostname });
  if (typeof outcome === "object") {
    const { settings, loginError } = daemon;
    logOut(daemon);
    change(daemon, { settings, loginError, wantRunning: true });
  }
  return 0;
}

/** A limit of 0 is none. */
async function untilRunning(daemon: Daemon, call: Call, limitMs: number): Promise<number> {
  if (daemon.state === "Running") return 0;
  return new Promise((resolve) => {
    const finish = (exitCode: number): void => {
      clearTimeout(timer);
      daemon.events.off("change", onChange);
      resolve(exitCode);
    };
    const late = (): void => {
      call.writeError(timedOut);
      finish(1);
    };
    const onChange = (): void => {
      if (daemon.state === "Running") finish(0);
    };
    const timer = limitMs === 0 ? undefined : setTimeout(late, limitMs);
    daemon.events.on("change", onChange);
    call.takes(["SIGINT", "SIGTERM"]);
    void untilAborted(call.signal).then(() => finish(1));
  });
}

type CredentialGiven = { readonly key: string } | { readonly problem: string };

/** An OAuth client's secret and an id token are keys to the sandbox, which only compares them. */
function credentialOf(call: Call, flags: ReadonlyMap<string, string>): CredentialGiven | undefined {
  const given = flags.get("auth-key") ?? flags.get("client-secret") ?? flags.get("id-token");
  if (given === undefined || given === "") return undefined;
  if (!given.startsWith("file:")) return { key: given };
  const path = given.slice("file:".length);
  const file = call.files[path] ?? { code: "ENOENT" };
  if ("text" in file) return { key: file.text.trim() };
  return { problem: `open ${path}: ${file.code === "ENOENT" ? "no such file or directory" : "permission denied"}` };
}

function settingsOf(flags: ReadonlyMap<string, string>, hostname: string): DaemonSettings {
  const tags = (flags.get("advertise-tags") ?? "").split(",").filter((tag) => tag !== "");
  return {
    loginServer: flags.get("login-server") ?? defaultLoginServer,
    hostname,
    advertiseTags: tags.map((tag) => (tag.startsWith("tag:") ? tag : `tag:${tag}`)),
    acceptRoutes: isOn(flags, "accept-routes"),
    shieldsUp: isOn(flags, "shields-up"),
  };
}

/** A node that never logged in has nothing that could be lost. */
function differs({ settings, node }: Daemon, wanted: DaemonSettings): boolean {
  return (
    node !== undefined &&
    JSON.stringify({ ...settings, loginServer: settings.loginServer || defaultLoginServer }) !== JSON.stringify(wanted)
  );
}

function unmentioned({ settings }: Daemon, wanted: DaemonSettings): string {
  const mention = { ...settings, ...(wanted.hostname === "" ? {} : { hostname: wanted.hostname }) };
  const all = [
    ...(mention.hostname === "" ? [] : [`--hostname=${mention.hostname}`]),
    ...(mention.advertiseTags.length === 0 ? [] : [`--advertise-tags=${mention.advertiseTags.join(",")}`]),
    ...(mention.acceptRoutes ? ["--accept-routes"] : []),
    ...(mention.shieldsUp ? ["--shields-up"] : []),
    ...(mention.loginServer === defaultLoginServer ? [] : [`--login-server=${mention.loginServer}`]),
  ];
  return (
    "Error: changing settings via 'tailscale up' requires mentioning all\nnon-default flags. To proceed, either re-run your command with --reset or\n" +
    `use the command below to explicitly mention the current value of\nall non-default settings:\n\n\ttailscale up ${all.join(" ")}\n`
  );
}

/** Source: tailscale `util/dnsname/dnsname.go` ValidLabel. */
function hostnameDefect(name: string): string | undefined {
  const label = JSON.stringify(name);
  if (name === "") return undefined;
  if (name.length > 63) return `${label} is too long, max length is 63 bytes`;
  if (!/^[A-Za-z0-9]/.test(name)) return `${label} is not a valid DNS label: must start with a letter or number`;
  if (!/[A-Za-z0-9]$/.test(name)) return `${label} is not a valid DNS label: must end with a letter or number`;
  const wrong = /[^A-Za-z0-9-]/.exec(name)?.[0];
  return wrong === undefined ? undefined : `${label} is not a valid DNS label: contains invalid character '${wrong}'`;
}

/** Go's durations, as far as anybody writes them here; 0 is for ever. */
function parseTimeout(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  if (match === null || (match[2] === undefined && match[1] !== "0")) return undefined;
  const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
  const unit = match[2] === "ms" || match[2] === "m" || match[2] === "h" ? match[2] : "s";
  return Number(match[1]) * units[unit];
}

function failed(call: Call, message: string): number {
  call.writeError(`${message}\n`);
  return 1;
}
