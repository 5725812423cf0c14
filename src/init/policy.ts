import type { Trust } from "./trust.ts";

export interface PolicyRequest {
  readonly platform: "cursor" | "github";
  readonly tag: string;
  readonly trust: Trust;
  /** The tailnet's policy file. */
  readonly policy: string;
}

/** Returns what is to be put where, so that the platform's machines join the tailnet without a stored key. */
export function policyText({ platform, tag, trust, policy }: PolicyRequest): string {
  const claims = Object.entries(trust.claims).map(([name, value]) => `     claim      ${name} = ${value}\n`);
  return (
    "1. The tailnet's policy file (https://login.tailscale.com/admin/acls/file), in which the tag must be somebody's:\n\n" +
    `${policy.replaceAll(/^(?=.)/gm, "     ")}\n` +
    "2. A credential of the kind OpenID Connect (https://login.tailscale.com/admin/settings/trust-credentials):\n\n" +
    `     issuer     ${trust.issuer}\n` +
    `     subject    ${trust.subject}\n` +
    claims.join("") +
    "     scope      auth_keys, write\n" +
    `     tags       ${tag}\n\n` +
    "   It gets a client id, which is no secret, and the audience api.tailscale.com/CLIENT-ID, which tsmcp asks for.\n\n" +
    `3. ${usage[platform](tag)}`
  );
}

const usage: Readonly<Record<PolicyRequest["platform"], (tag: string) => string>> = {
  github: (tag) =>
    "In the workflow:\n\n" +
    "     permissions:\n       id-token: write\n       contents: read\n" +
    "     env:\n       TS_CLIENT_ID: CLIENT-ID\n" +
    `     steps:\n       - run: npx tsmcp up --advertise-tags ${tag}\n`,
  cursor: (tag) =>
    `In .cursor/environment.json:\n\n     "start": "tsmcp up --client-id CLIENT-ID --advertise-tags ${tag}"\n`,
};
