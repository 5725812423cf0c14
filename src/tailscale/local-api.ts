import { TsmcpError } from "../core/errors.ts";
import { decodeAnswer } from "../net/dns-message.ts";
import { askLocalSocket, type LocalAnswer } from "../net/local-socket.ts";
import { type Network, parseNetwork } from "./network.ts";
import { type NodePreferences, parsePreferences } from "./preferences.ts";
import { type NodeStatus, type Peer, parsePeers, parseStatus } from "./status.ts";
import { type LockedOut, parseLockedOut } from "./tailnet-lock.ts";
import { parseWhois, type Whois } from "./whois.ts";

/** tailscaled refuses every other name. Source: tailscale `ipn/localapi/localapi.go`. */
const localApiHost = "local-tailscaled.sock";

/** Where packages put tailscaled's socket. Source: tailscale `paths/paths.go`. */
export const systemSocket =
  process.platform === "darwin" ? "/var/run/tailscaled.socket" : "/var/run/tailscale/tailscaled.sock";

/** How to reach a daemon, and how long to wait for its answer. */
export interface LocalApi {
  readonly socket: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns the node's status, without its peers. One request over the socket takes 1 ms where the `tailscale` program
 * takes 25, and it does not wait when nobody listens.
 * Throws `dial-failed` when nobody answers, `daemon-failed` when the answer is no status.
 */
export async function readStatus(api: LocalApi): Promise<NodeStatus> {
  const status = parseStatus(await ask(api, "GET", "status?peers=false"));
  if (status === undefined) throw notTailscaled(api, "its status cannot be read");
  return status;
}

/** Returns the nodes that this one may see. Throws as `readStatus` does. */
export async function readPeers(api: LocalApi): Promise<readonly Peer[]> {
  return parsePeers(await ask(api, "GET", "status"));
}

/** RFC 1035 § 4.1.1 */
const noSuchName = 3;

/**
 * Returns the addresses that tailscaled itself knows for a name; none where the tailnet has no such name. Nobody else is
 * asked about a name below the tailnet's own suffix, which it answers for.
 * Throws `daemon-failed` where this user may not ask, or tailscaled is too old for the question (1.76).
 */
export async function resolveByDaemon(api: LocalApi, name: string): Promise<readonly string[]> {
  const answers = await Promise.all(
    (["A", "AAAA"] as const).map(async (type) => {
      const text = await ask(api, "GET", `dns-query?name=${encodeURIComponent(`${name}.`)}&type=${type}`);
      const bytes = bytesOf(text);
      if (bytes === undefined) throw notTailscaled(api, "its answer to a name cannot be read");
      const { code, addresses } = decodeAnswer(bytes, type);
      if (code !== 0 && code !== noSuchName) throw notTailscaled(api, `it could not look up ${JSON.stringify(name)}`);
      return addresses;
    }),
  );
  return answers.flat();
}

/**
 * Returns whether another node answers a ping below the level of the tailnet's policy, which tells a node that is off
 * from one that does not let us in. Throws as `readStatus` does.
 */
export async function pingPeer(api: LocalApi, ip: string): Promise<boolean> {
  const text = await ask(api, "POST", `ping?ip=${encodeURIComponent(ip)}&type=disco`);
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null && !("Err" in value && typeof value.Err === "string" && value.Err);
}

/** Returns the text of the node's Serve configuration, JSON or "null". Throws as `readStatus` does. */
export function readServeText(api: LocalApi): Promise<string> {
  return ask(api, "GET", "serve-config");
}

/**
 * Returns the node's certificate (PEM), and has one made where there is none yet, which takes up to a minute. Throws
 * `daemon-failed` where that fails or this user may not ask, and as `readStatus` does.
 */
export function readCertificate(api: LocalApi, name: string): Promise<string> {
  return ask(api, "GET", `cert/${encodeURIComponent(name)}?type=crt`);
}

/** Returns the node's settings. Throws as `readStatus` does. */
export async function readPreferences(api: LocalApi): Promise<NodePreferences> {
  const preferences = parsePreferences(await ask(api, "GET", "prefs"));
  if (preferences === undefined) throw notTailscaled(api, "its settings cannot be read");
  return preferences;
}

/**
 * Returns what keeps the tailnet's lock from letting this node in, or undefined when nothing does, also where tailscaled
 * knows no lock. Throws `dial-failed` when nobody answers.
 */
export async function readLockedOut(api: LocalApi): Promise<LockedOut | undefined> {
  const { status, body } = await answerOf(api, "GET", "tka/status");
  return status === 200 ? parseLockedOut(body) : undefined;
}

/** Returns the nodes that this one sees. Throws as `readStatus` does. */
export async function readNetwork(api: LocalApi): Promise<Network> {
  const network = parseNetwork(await ask(api, "GET", "status"));
  if (network === undefined) throw notTailscaled(api, "its peers cannot be read");
  return network;
}

/** Logs the node out: the tailnet drops its key, and an ephemeral node altogether. Throws as `readStatus` does. */
export async function logOut(api: LocalApi): Promise<void> {
  await ask(api, "POST", "logout");
}

function bytesOf(json: string): Buffer | undefined {
  const value: unknown = JSON.parse(json);
  return typeof value === "object" && value !== null && "Bytes" in value && typeof value.Bytes === "string"
    ? Buffer.from(value.Bytes, "base64")
    : undefined;
}

/**
 * Returns who has the address, undefined where nobody does. The address must be bare: a miss with a port sleeps 360 ms
 * with the backend's lock held (tailscale 1.102.5). Its grants are those to `service`, where one is named (tailscaled
 * 1.100), else those to this node. Throws as `readStatus` does.
 */
export async function readWhois(api: LocalApi, address: string, service?: string): Promise<Whois | undefined> {
  const to = service === undefined ? "" : `&svc_name=${encodeURIComponent(service)}`;
  const answer = await answerOf(api, "GET", `whois?addr=${encodeURIComponent(address)}${to}`);
  if (answer.status === 404) return undefined;
  const whois = answer.status === 200 ? parseWhois(answer.body) : undefined;
  if (whois === undefined) throw notTailscaled(api, `it does not tell who has an address (${answer.status})`);
  return whois;
}

async function ask(api: LocalApi, method: "GET" | "POST", path: string): Promise<string> {
  const answer = await answerOf(api, method, path);
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  throw notTailscaled(api, `it answered ${answer.status} ${JSON.stringify(answer.body.slice(0, 200).trim())}`);
}

function answerOf(api: LocalApi, method: "GET" | "POST", path: string): Promise<LocalAnswer> {
  return askLocalSocket({
    socketPath: api.socket,
    method,
    path: `/localapi/v0/${path}`,
    host: localApiHost,
    timeoutMs: api.timeoutMs,
    signal: api.signal,
  });
}

function notTailscaled({ socket }: LocalApi, reason: string): TsmcpError {
  return new TsmcpError({
    code: "daemon-failed",
    message: `tailscaled at ${JSON.stringify(socket)}: ${reason}`,
    hint: "check that this socket is tailscaled's and that this user may use it",
    facts: { socket },
  });
}
