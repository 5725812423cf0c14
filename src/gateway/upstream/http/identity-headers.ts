import type { Header } from "../../../net/http-message.ts";
import { encodeWords } from "../../../tailscale/encoded-words.ts";
import type { UpstreamCaller } from "../upstream.ts";

/**
 * Returns the headers by which tailscale serve tells a backend who calls; none for a node that has tags, as there.
 * Source: https://tailscale.com/s/serve-headers
 */
export function identityHeaders({ login, name, picture, tags }: UpstreamCaller): Header[] {
  if (login === undefined || tags.length > 0 || !isPlain(login)) return [];
  return [
    ["tailscale-user-login", encodeWords(login)],
    ["tailscale-user-name", encodeWords(isPlain(name) ? name : "")],
    ["tailscale-user-profile-pic", encodeWords(isPlain(picture) ? picture : "")],
    ["tailscale-headers-info", "https://tailscale.com/s/serve-headers"],
  ];
}

/**
 * A control character would end the header; and ASCII goes as it is, so what looks like an encoded word would be read as
 * whatever it spells. Left out whole, since what is left of a name is another name.
 */
function isPlain(text: string | undefined): text is string {
  return text !== undefined && !/\p{Cc}|=\?/u.test(text);
}
