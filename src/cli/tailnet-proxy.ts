import { findTailnetProxy } from "../tailscale/tailnet-proxy.ts";
import type { CommandContext } from "./context.ts";

/** Returns the way to names of the tailnet, for servers that are elsewhere in it. */
export async function tailnetProxyOf({ env }: Pick<CommandContext, "env">): Promise<string | undefined> {
  const { proxy } = await findTailnetProxy({ target: { host: "node.ts.net", port: 443, tls: true }, env });
  return proxy === undefined ? undefined : `${proxy.protocol}://${proxy.host}:${proxy.port}`;
}
