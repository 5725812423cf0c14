/** What kind of key is to be made for a node by an OAuth client or a workload identity. */
export interface KeyAttributes {
  readonly ephemeral: boolean;
  readonly preauthorized: boolean;
  /** Where the API is, when it is not Tailscale's own. */
  readonly baseUrl?: string | undefined;
}

/** An OAuth client's secret, which `tailscale up` takes in a key's place too. */
export function isClientSecret(secret: string): boolean {
  return secret.startsWith("tskey-client-");
}

/**
 * Returns a client's secret or id with each attribute told: what it says itself, else ours. Told alone, `preauthorized`
 * turns `ephemeral` off without a word. Source: tailscale `feature/oauthkey`, `feature/identityfederation`, parseOptionalAttributes.
 */
export function withAttributes(text: string, { ephemeral, preauthorized, baseUrl }: KeyAttributes): string {
  const [name = "", query = ""] = text.split(/\?(.*)/s);
  const attributes = new URLSearchParams(query);
  if (!attributes.has("ephemeral")) attributes.set("ephemeral", String(ephemeral));
  if (!attributes.has("preauthorized")) attributes.set("preauthorized", String(preauthorized));
  if (baseUrl !== undefined && !attributes.has("baseURL")) attributes.set("baseURL", baseUrl);
  return `${name}?${attributes.toString()}`;
}
