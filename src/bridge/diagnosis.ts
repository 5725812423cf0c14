import { TsmcpError } from "../core/errors.ts";
import { readRecord } from "../core/record.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { isLoopbackAddress } from "../net/address.ts";
import { readStatus, systemSocket } from "../tailscale/local-api.ts";
import type { NodeStatus } from "../tailscale/status.ts";

/** LocalAPI answers from memory; somebody waits for the error. */
const statusTimeoutMs = 1_000;

/**
 * Returns a failed dial's error with what this machine's tailscaled says to it, where the failure can be its: it is not
 * there, not logged in, or knows no such name. Anything else comes back as it is.
 */
export async function diagnose(
  error: unknown,
  { host, env, socket: typed }: { host: string; env: Environment; socket: string | undefined },
): Promise<unknown> {
  if (!(error instanceof TsmcpError) || error.code !== "dial-failed" || isThisMachine(host)) return error;
  const { layer, proxy } = error.facts;
  if (layer === "tls" || layer === "tailscaled" || (typeof proxy === "string" && !isLocalProxy(proxy))) return error;
  const socket = typed ?? readRecord({ env })?.socket ?? systemSocket;
  const status = await readStatus({ socket, timeoutMs: statusTimeoutMs }).catch(() => undefined);
  const found = judge({ status, socket, host, layer: String(layer), error });
  if (found === undefined) return error;
  const facts = { ...error.facts, layer: found.layer };
  return new TsmcpError({ code: "dial-failed", message: found.message, hint: found.hint, facts, cause: error });
}

function judge(seen: {
  readonly status: NodeStatus | undefined;
  readonly socket: string;
  readonly host: string;
  readonly layer: string;
  readonly error: TsmcpError;
}): { layer: string; message: string; hint: string } | undefined {
  const { status, socket, host, layer, error } = seen;
  const goes = `cannot reach ${host}`;
  // A proxy that answers, or a name that resolves, shows that the fault lies further on.
  const isHere = layer === "proxy" || layer === "name" || error.facts.proxy !== undefined;
  if (!isHere) return undefined;
  if (status === undefined) {
    if (layer !== "proxy" && error.facts.proxy !== undefined) return undefined;
    return {
      layer: "tailscaled",
      message: `${goes}: no tailscaled answers on this machine (${socket}); ${error.message}`,
      hint: 'run "tsmcp up" to put this machine on the tailnet',
    };
  }
  if (status.backendState !== "Running") {
    return {
      layer: "login",
      message: `${goes}: tailscaled is not logged in or not started (${status.backendState})`,
      hint:
        status.authUrl === ""
          ? 'run "tsmcp up" with a key, or start it with "tailscale up"'
          : `log in at ${status.authUrl}`,
    };
  }
  if (layer !== "name") return undefined;
  return {
    layer: "name",
    message: `${goes}: the tailnet ${JSON.stringify(status.magicDnsSuffix ?? "")} knows no such name, or does not show it to this machine`,
    hint: "check the name, that its node is up, and that the tailnet's policy lets this machine see it",
  };
}

function isThisMachine(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || isLoopbackAddress(host);
}

function isLocalProxy(proxy: string): boolean {
  const { hostname } = new URL(proxy.replace(/^[a-z0-9]+:/, "http:"));
  return isThisMachine(hostname.replace(/^\[(.*)\]$/, "$1"));
}
