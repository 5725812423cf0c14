import type { Header } from "../../../net/http-message.ts";
import { encodeWords } from "../../../tailscale/encoded-words.ts";
import type { UpstreamCaller } from "../upstream.ts";

/**
 * Returns the headers by which tailscale serve tells a backend who calls; none for a node that has tags, as there.
 * Source: https://tailscale.com/s/serve-headers
 */
export function identityHeaders({ login, name, picture, tags }: UpstreamCaller): Header[] {
  if (login === undefined || tags.length > 0) return [];
  const headers: Header[] = [["tailscale-user-login", plain(login)]];
  headers.push(["tailscale-user-name", plain(name ?? "")]);
  headers.push(["tailscale-user-profile-pic", plain(picture ?? "")]);
  headers.push(["tailscale-headers-info", "https://tailscale.com/s/serve-headers"]);
  return headers;
}

/** A control character would end the header, wherever it came from. */
function plain(text: string): string {
  return encodeWords(text.replaceAll(/\p{Cc}/gu, ""));
}
