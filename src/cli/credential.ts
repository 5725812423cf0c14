import { type IdentitySource, identityName } from "../bootstrap/identity-token.ts";
import type { GivenCredential, IdentityCredential, RequestedCredential, StateChoice } from "../bootstrap/request.ts";
import { variableText } from "../config/settings.ts";
import { TsmcpError } from "../core/errors.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { readSecret, Secret } from "../core/secrets.ts";
import { isClientSecret, withAttributes } from "../tailscale/login-attributes.ts";
import type { NodeSettings } from "../tailscale/up-arguments.ts";
import type { UpOptions } from "./up-request.ts";

/**
 * Returns what proves who the node is: a key, else an OAuth client's secret, else a workload identity's token, as
 * `tailscale up` prefers them. What it would wait for a person over, or refuse, is refused here.
 * Throws `secret-invalid` and `usage-invalid`.
 */
export function credentialOf(
  options: UpOptions,
  env: Environment,
  { node, state }: { readonly node: NodeSettings; readonly state: StateChoice },
): RequestedCredential | undefined {
  const given = givenCredential(options, env) ?? identityCredential(options, env);
  if (given === undefined) return undefined;
  if (given.kind === "identity") {
    requireTags(node, identityName(given.source));
    return {
      ...given,
      clientId: withAttributes(given.clientId, { ephemeral: state.kind === "boot", preauthorized: true }),
    };
  }
  const { flag, secret, clientId } = given;
  const mintsKey = flag !== "--auth-key" || isClientSecret(secret.reveal());
  if (!mintsKey) return given;
  if (flag === "--id-token" && clientId === undefined) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: `${secret.origin} is a workload identity's token, and its client is not named`,
      hint: "pass --client-id, or set TS_CLIENT_ID",
    });
  }
  requireTags(node, secret.origin);
  const attributes = { ephemeral: state.kind === "boot", preauthorized: true, baseUrl: node.loginServer };
  if (flag === "--id-token") {
    // Its API is where the login server is.
    const id = withAttributes(clientId ?? "", { ...attributes, baseUrl: undefined });
    return { ...given, clientId: id };
  }
  return { ...given, secret: new Secret(withAttributes(secret.reveal(), attributes), secret.origin) };
}

function requireTags({ advertiseTags }: NodeSettings, origin: string): void {
  if (advertiseTags.length > 0) return;
  throw new TsmcpError({
    code: "usage-invalid",
    message: `${origin} makes keys for tagged nodes only, and no tag was asked for`,
    hint: "pass --advertise-tags with tags that this client may give",
  });
}

/** A client without a secret: the platform that this machine runs on vouches for it. */
function identityCredential(options: UpOptions, env: Environment): IdentityCredential | undefined {
  const clientId = options.clientId ?? variableText(env, "TS_CLIENT_ID");
  const source = clientId === undefined ? undefined : identitySourceOf(env);
  if (clientId === undefined || source === undefined) return undefined;
  // What Tailscale proposes for a trust: https://tailscale.com/kb/1581/workload-identity-federation
  const audience = variableText(env, "TS_AUDIENCE") ?? `api.tailscale.com/${clientId.split("?")[0]}`;
  return { kind: "identity", source, clientId, audience };
}

function identitySourceOf(env: Environment): IdentitySource | undefined {
  const url = variableText(env, "ACTIONS_ID_TOKEN_REQUEST_URL");
  const token = variableText(env, "ACTIONS_ID_TOKEN_REQUEST_TOKEN");
  if (url !== undefined && token !== undefined && URL.canParse(url)) {
    return { kind: "github", url: new URL(url), token: new Secret(token, "ACTIONS_ID_TOKEN_REQUEST_TOKEN") };
  }
  const socket = variableText(env, "CURSOR_AGENT_SOCKET");
  return socket === undefined ? undefined : { kind: "cursor", socket };
}

function givenCredential(options: UpOptions, env: Environment): GivenCredential | undefined {
  const clientId = options.clientId ?? variableText(env, "TS_CLIENT_ID");
  const sources = [
    { flag: "--auth-key", option: options.authKey, ours: "TSMCP_AUTH_KEY", theirs: "TS_AUTHKEY" },
    { flag: "--client-secret", option: options.clientSecret, ours: "TSMCP_CLIENT_SECRET", theirs: "TS_CLIENT_SECRET" },
    { flag: "--id-token", option: options.idToken, ours: "TSMCP_ID_TOKEN", theirs: "TS_ID_TOKEN" },
  ] as const;
  for (const { flag, option, ours, theirs } of sources) {
    const fromOurs = variableText(env, ours);
    const fromTheirs = variableText(env, theirs);
    const source =
      option !== undefined && option !== fromOurs
        ? { text: option, origin: flag, fromEnvironment: false }
        : fromOurs !== undefined
          ? { text: fromOurs, origin: ours, fromEnvironment: true }
          : fromTheirs !== undefined
            ? { text: fromTheirs, origin: theirs, fromEnvironment: true }
            : undefined;
    if (source === undefined) continue;
    return { kind: "given", flag, secret: readSecret(source), ...(flag === "--auth-key" ? {} : { clientId }) };
  }
  return undefined;
}
