import { TsmcpError } from "../core/errors.ts";

/** What Tailscale is told to believe: https://tailscale.com/kb/1581/workload-identity-federation */
export interface Trust {
  readonly issuer: string;
  /** `*` stands for anything. */
  readonly subject: string;
  readonly claims: Readonly<Record<string, string>>;
}

/** Returns the trust for the jobs of one repository. Source: https://docs.github.com/actions/reference/security/oidc */
export function githubTrust(repository: string): Trust {
  return {
    issuer: "https://token.actions.githubusercontent.com",
    subject: `repo:${repository}:*`,
    claims: { repository },
  };
}

/** Those that are the same for every agent of one owner. Source: https://cursor.com/docs/cloud-agent/identity */
const cursorClaims = ["team_id", "owner_id", "user_id", "agent_runtime"];
const ownAgentClaims = ["cloud_agent_id", "agent_id", "jti"];

/**
 * Returns the trust for the agents of whoever's agent this token is. Throws `login-failed` when it is no token, and when
 * nothing in it tells its owner from others.
 */
export function cursorTrust(token: string): Trust {
  const payload = payloadOf(token);
  const textIn = (name: string): string => (typeof payload[name] === "string" ? payload[name] : "");
  const claims = Object.fromEntries(
    cursorClaims.flatMap((name) => (textIn(name) === "" ? [] : [[name, textIn(name)]])),
  );
  // Another agent of the same owner has another one of these.
  const own = ownAgentClaims.map(textIn).filter((text) => text !== "");
  const subject = own.reduce((text, part) => text.replaceAll(part, "*"), textIn("sub"));
  const isBound = Object.keys(claims).some((name) => name !== "agent_runtime") || /[^*:/]/.test(subject);
  if (textIn("iss") === "" || !isBound) {
    throw new TsmcpError({
      code: "login-failed",
      message: "the token of this machine does not tell whose agent it is",
      hint: "look into it yourself, as https://cursor.com/docs/cloud-agent/identity describes",
    });
  }
  return { issuer: textIn("iss"), subject, claims };
}

/** RFC 7519 §3. Whether it is genuine is for whoever believes it to check. */
function payloadOf(token: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
