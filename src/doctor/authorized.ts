import { TsmcpError } from "../core/errors.ts";
import type { TargetContext } from "./context.ts";

/** Whether the user typed this host in `--authorized`. */
export function isAuthorized({ machine }: Pick<TargetContext, "machine" | "target">, hostname: string): boolean {
  return machine.request.authorized.includes(hostname);
}

/** Whether the user typed the public side's host there: then it is attacked although its tailnet side does not answer. */
export function isOwnHost(context: TargetContext): boolean {
  const [url] = context.target.server.publicUrls ?? [];
  return url !== undefined && isAuthorized(context, new URL(url).hostname);
}

/**
 * Returns the host of one `--authorized`, in lower case and without a trailing dot.
 * Throws `usage-invalid` for what is no bare host: with a port or a path it would fit nothing, and nobody would know.
 */
export function parseAuthorized(text: string): string {
  const host = text.trim().replace(/\.$/, "").toLowerCase();
  const isBare = /^([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$/.test(host);
  if (isBare && URL.canParse(`https://${host}/`)) return new URL(`https://${host}/`).hostname;
  throw new TsmcpError({
    code: "usage-invalid",
    message: `--authorized: ${JSON.stringify(text)} is not the name of a host`,
    hint: "write the host alone, without scheme, port or path: node.tailnet.ts.net",
  });
}
