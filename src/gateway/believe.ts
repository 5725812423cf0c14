import { decodeEncodedWords } from "../tailscale/encoded-words.ts";
import type { Head } from "./head.ts";
import { twice } from "./head.ts";
import type { Caller, Found, Identities } from "./identities.ts";

/** Whom a request on the private listener is from. */
export type Belief =
  | { readonly kind: "caller"; readonly caller: Caller; readonly address: string }
  /** Nobody that is identified: it gets what the internet gets. */
  | { readonly kind: "public" }
  /** tailscaled does not answer, so nobody can be told from anybody. */
  | { readonly kind: "unknown" };

const nobody: Belief = { kind: "public" };

/**
 * Returns whom a request is from: whoever has the one address in `X-Forwarded-For`, as tailscaled itself tells. No other
 * header gives anything; a mark of Funnel, or a login that is not that caller's, takes everything away.
 */
export function believe(head: Head, identities: Identities, signal: () => AbortSignal): Belief | Promise<Belief> {
  const { forwardedFor: address } = head;
  if (head.funnel || typeof address !== "string" || head.login === twice) return nobody;
  const found = identities.at(address, signal);
  if (found instanceof Promise) return found.then((caller) => judge(caller, { head, address }));
  return judge(found, { head, address });
}

function judge(caller: Found, { head, address }: { head: Head; address: string }): Belief {
  if (caller === "unknown") return { kind: "unknown" };
  if (caller === "nobody" || !isOwnLogin(head.login, caller)) return nobody;
  return { kind: "caller", caller, address };
}

/** tailscaled sends a login for people only, so none is no difference. */
function isOwnLogin(login: Head["login"], caller: Caller): boolean {
  if (login === undefined) return true;
  return typeof login === "string" && caller.login !== undefined && decodeEncodedWords(login) === caller.login;
}
