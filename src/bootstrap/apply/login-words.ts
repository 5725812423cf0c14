import { identityName } from "../identity-token.ts";
import type { RequestedCredential } from "../request.ts";

/** What a login was refused with, as far as tailscale and its servers have words for it, and what mends it. */
interface Refusal {
  readonly words: RegExp;
  readonly hint: (place: { readonly origin: string }) => string;
}

/**
 * Neither `tailscale up` nor its servers say it in any other form than words. They only choose the hint: the words
 * themselves are always told. Source: tailscale `feature/oauthkey`, `feature/identityfederation`; Go `crypto/x509`, `net`.
 */
const refusals: readonly Refusal[] = [
  {
    words: /x509: .*(expired|not yet valid)/,
    hint: () => "set this machine's clock, or have the login server's certificate renewed",
  },
  {
    words: /x509: |tls: failed to verify/,
    hint: () => "name the authority that signed the certificate in SSL_CERT_FILE, or check who answers there",
  },
  {
    words: /requires logging/,
    hint: () => "leave out --no-logs-no-support and TS_NO_LOGS_NO_SUPPORT: this tailnet wants its nodes' logs",
  },
  {
    words: /require --advertise-tags/,
    hint: () => "pass --advertise-tags with tags that this client may give",
  },
  {
    words: /requested tags .*(invalid|not permitted)/,
    hint: () => "ask for tags that the key may give, or make the key's owner their owner (tagOwners in the policy)",
  },
  {
    words: /exchange JWT/,
    hint: ({ origin }) => `compare the issuer, subject and claims of the trust with those of the token in ${origin}`,
  },
  {
    words: /API token invalid|unauthorized/i,
    hint: ({ origin }) => `check that ${origin} holds the secret of a client of this tailnet that was not revoked`,
  },
  {
    words: /key.*(expired|revoked|already used|used up)/,
    hint: ({ origin }) => `make a new auth key, reusable for more than one machine, and put it into ${origin}`,
  },
  {
    words: /control key: .*(refused|unreachable|no such host|timeout|deadline|reset)/,
    hint: () => "check that this machine reaches the login server, by HTTPS_PROXY where that is the only way out",
  },
  {
    words: /control key: |no noise key/,
    hint: () => "check --login-server, and what stands between: what answers there is no login server",
  },
];

/** Returns the hint for the words of a refusal, or undefined where they are none that we know. */
export function hintFor(words: string, credential: RequestedCredential | undefined): string | undefined {
  return refusals.find((refusal) => refusal.words.test(words))?.hint({ origin: originOf(credential) });
}

/** Returns where the credential comes from, for messages. */
export function originOf(credential: RequestedCredential | undefined): string {
  if (credential === undefined) return "the credential";
  return credential.kind === "given" ? credential.secret.origin : identityName(credential.source);
}

/** Returns what tailscaled's health tells of the last login, or undefined. Source: tailscale `health/warnings.go`, login-state. */
export function lastLoginError(health: readonly string[]): string | undefined {
  const told = health.flatMap((line) => /last login error was: (.+)/s.exec(line)?.[1] ?? []);
  return told.at(-1)?.trim();
}
