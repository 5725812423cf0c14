import { assertOwnServers, type ConfiguredServer } from "../config/servers.ts";
import { TsmcpError } from "../core/errors.ts";
import { readRecord } from "../core/record.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { readStatus, systemSocket } from "../tailscale/local-api.ts";

/** LocalAPI answers from memory; one that takes longer hangs. */
const statusTimeoutMs = 2_000;

/**
 * Returns what the bridge asks before each dial to a server that a repository named: it must be in this node's own
 * tailnet, or requests (and what stands in their headers) would go wherever the repository likes.
 * What is returned throws `server-foreign`, and `dial-failed` while no tailscaled can say which tailnet that is.
 */
export function admissionOf(
  server: ConfiguredServer,
  context: { readonly env: Environment; readonly socket: string | undefined },
): () => Promise<void> {
  return async () => {
    // Looked up each time: `up` may come later.
    const socket = context.socket ?? readRecord({ env: context.env })?.socket ?? systemSocket;
    const status = await readStatus({ socket, timeoutMs: statusTimeoutMs }).catch((error: unknown) => {
      throw unknownYet(server, `no tailscaled answers at ${JSON.stringify(socket)}`, error);
    });
    const suffix = status.magicDnsSuffix;
    if (status.backendState !== "Running" || suffix === undefined) {
      throw unknownYet(server, `tailscaled is in the state ${status.backendState}`);
    }
    assertOwnServers([server], suffix);
  };
}

function unknownYet({ name, origin }: ConfiguredServer, reason: string, cause?: unknown): TsmcpError {
  return new TsmcpError({
    code: "dial-failed",
    message: `the server ${JSON.stringify(name)} is not dialled before this node is on a tailnet: ${reason}`,
    hint: 'run "tsmcp up", or give the server\'s URL itself if it is elsewhere',
    facts: { layer: "tailscaled", reason, origin },
    cause,
  });
}
