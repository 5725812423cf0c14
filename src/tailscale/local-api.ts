import { TsmcpError } from "../core/errors.ts";
import { askLocalSocket } from "../net/local-socket.ts";
import { type NodePreferences, parsePreferences } from "./preferences.ts";
import { type NodeStatus, parseStatus } from "./status.ts";

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

/** Returns the node's settings. Throws as `readStatus` does. */
export async function readPreferences(api: LocalApi): Promise<NodePreferences> {
  const preferences = parsePreferences(await ask(api, "GET", "prefs"));
  if (preferences === undefined) throw notTailscaled(api, "its settings cannot be read");
  return preferences;
}

/** Logs the node out: the tailnet drops its key, and an ephemeral node altogether. Throws as `readStatus` does. */
export async function logOut(api: LocalApi): Promise<void> {
  await ask(api, "POST", "logout");
}

async function ask(api: LocalApi, method: "GET" | "POST", path: string): Promise<string> {
  const answer = await askLocalSocket({
    socketPath: api.socket,
    method,
    path: `/localapi/v0/${path}`,
    host: localApiHost,
    timeoutMs: api.timeoutMs,
    signal: api.signal,
  });
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  throw notTailscaled(api, `it answered ${answer.status} ${JSON.stringify(answer.body.slice(0, 200).trim())}`);
}

function notTailscaled({ socket }: LocalApi, reason: string): TsmcpError {
  return new TsmcpError({
    code: "daemon-failed",
    message: `tailscaled at ${JSON.stringify(socket)}: ${reason}`,
    hint: "check that this socket is tailscaled's and that this user may use it",
    facts: { socket },
  });
}
