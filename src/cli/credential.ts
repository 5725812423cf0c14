import type { RequestedCredential, StateChoice } from "../bootstrap/request.ts";
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
  const given = givenCredential(options, env);
  if (given === undefined) return undefined;
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
  if (node.advertiseTags.length === 0) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: `${secret.origin} makes keys for tagged nodes only, and no tag was asked for`,
      hint: "pass --advertise-tags with tags that this client may give",
    });
  }
  const attributes = { ephemeral: state.kind === "boot", preauthorized: true, baseUrl: node.loginServer };
  if (flag === "--id-token") {
    // Its API is where the login server is.
    const id = withAttributes(clientId ?? "", { ...attributes, baseUrl: undefined });
    return { ...given, clientId: id };
  }
  return { ...given, secret: new Secret(withAttributes(secret.reveal(), attributes), secret.origin) };
}

function givenCredential(options: UpOptions, env: Environment): RequestedCredential | undefined {
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
    return { flag, secret: readSecret(source), ...(flag === "--auth-key" ? {} : { clientId }) };
  }
  return undefined;
}
