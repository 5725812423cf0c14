import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import { messageOf, systemCodeOf, TsmcpError } from "../core/errors.ts";
import { startDeadline } from "./deadline.ts";
import { resolveOverHttps } from "./dns-over-https.ts";

/** What a resolver says of a name. `absent` is an answer (no such name, no address); `unanswered` proves nothing. */
export type NameAnswer =
  | { readonly kind: "addresses"; readonly addresses: readonly string[] }
  | { readonly kind: "absent"; readonly code: string }
  | { readonly kind: "unanswered"; readonly reason: string };

/** `1.1.1.1`, `[2606:4700::1111]:53` or `https://dns.example/dns-query`. */
export type DnsResolver =
  | { readonly kind: "udp"; readonly server: string }
  | { readonly kind: "https"; readonly url: string };

/** Returns the resolver that `text` names. Throws `usage-invalid`, which names `label`. */
export function parseResolver(text: string, label: string): DnsResolver {
  if (/^https:\/\//i.test(text) && URL.canParse(text)) return { kind: "https", url: text };
  const bare = /^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? (isIP(text) === 6 ? text : text.replace(/:\d{1,5}$/, ""));
  if (isIP(bare) !== 0) return { kind: "udp", server: text };
  throw new TsmcpError({
    code: "usage-invalid",
    message: `${label}: ${JSON.stringify(text)} is not a resolver`,
    hint: "write an address such as 1.1.1.1 or 127.0.0.1:5353, or a URL such as https://cloudflare-dns.com/dns-query",
  });
}

/** Returns the IPv4 and IPv6 addresses that `resolver`, and nobody else, gives for `name`. */
export async function resolveName(
  name: string,
  resolver: DnsResolver,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<NameAnswer> {
  const deadline = startDeadline(options);
  const ask =
    resolver.kind === "udp"
      ? askServer(resolver.server, options.timeoutMs)
      : askUrl(resolver.url, options.timeoutMs, deadline.signal);
  try {
    const answers = await deadline.race(Promise.all((["A", "AAAA"] as const).map((type) => ask(name, type))));
    const addresses = answers.flat();
    return addresses.length > 0 ? { kind: "addresses", addresses } : { kind: "absent", code: "ENODATA" };
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    const code = systemCodeOf(error);
    return code === "ENOTFOUND" ? { kind: "absent", code } : { kind: "unanswered", reason: messageOf(error) };
  } finally {
    deadline.stop();
  }
}

type Ask = (name: string, type: "A" | "AAAA") => Promise<string[]>;

function askUrl(url: string, timeoutMs: number, signal: AbortSignal): Ask {
  return (name, type) => resolveOverHttps({ name, type, url, timeoutMs, signal });
}

function askServer(server: string, timeoutMs: number): Ask {
  const resolver = new Resolver({ timeout: Math.max(1, Math.ceil(timeoutMs / 2)), tries: 2 });
  resolver.setServers([server]);
  return async (name, type) => {
    try {
      return type === "A" ? await resolver.resolve4(name) : await resolver.resolve6(name);
    } catch (error) {
      // A name without an address of one family may have one of the other.
      if (systemCodeOf(error) === "ENODATA") return [];
      throw error;
    }
  };
}
