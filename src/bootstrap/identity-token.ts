import { TsmcpError } from "../core/errors.ts";
import { Secret } from "../core/secrets.ts";
import { askLocalSocket } from "../net/local-socket.ts";
import { getTextFromWeb } from "../net/web-get.ts";
import type { BootstrapWorld } from "./world.ts";

/** A platform that tells others who its machines are, by a token for one reader. */
export type IdentitySource =
  /** GitHub Actions. Source: https://docs.github.com/actions/reference/security/oidc */
  | { readonly kind: "github"; readonly url: URL; readonly token: Secret }
  /** A Cursor cloud agent. Source: https://cursor.com/docs/cloud-agent/identity */
  | { readonly kind: "cursor"; readonly socket: string };

/** A token of the platform's, some thousand bytes in JSON. */
const maxAnswerBytes = 64 * 1024;
const answerLimitMs = 10_000;

/** Returns how to call the platform in a message. */
export function identityName({ kind }: IdentitySource): string {
  return kind === "github" ? "GitHub Actions" : "Cursor";
}

/** Returns a new token of this machine's for `audience`. Throws `login-failed` when the platform gives none. */
export async function mintIdentityToken(
  source: IdentitySource,
  audience: string,
  world: BootstrapWorld,
): Promise<Secret> {
  const name = identityName(source);
  try {
    const answer =
      source.kind === "github" ? await askGithub(source, audience, world) : await askCursor(source, audience, world);
    const token = tokenIn(answer);
    if (token !== undefined) return new Secret(token, name);
    throw new TsmcpError({ code: "login-failed", message: "its answer holds no token" });
  } catch (error) {
    world.signal.throwIfAborted();
    if (!(error instanceof TsmcpError)) throw error;
    throw new TsmcpError({
      code: "login-failed",
      message: `${name} gave no identity token for ${audience}: ${error.message}`,
      hint:
        source.kind === "github"
          ? 'give the job "permissions: id-token: write"'
          : "check that CURSOR_AGENT_SOCKET names the agent's socket, and that this user may use it",
      cause: error,
    });
  }
}

function askGithub(
  { url, token }: Extract<IdentitySource, { kind: "github" }>,
  audience: string,
  world: BootstrapWorld,
): Promise<string> {
  const asked = new URL(url);
  asked.searchParams.set("audience", audience);
  const headers = [
    ["Authorization", `Bearer ${token.reveal()}`],
    ["Accept", "application/json"],
  ] as const;
  return getTextFromWeb({ ...world, url: asked, headers }, maxAnswerBytes);
}

async function askCursor(
  { socket }: Extract<IdentitySource, { kind: "cursor" }>,
  audience: string,
  { signal }: BootstrapWorld,
): Promise<string> {
  const { status, body } = await askLocalSocket({
    socketPath: socket,
    method: "POST",
    path: "/v1/tokens/oidc",
    host: "localhost",
    body: JSON.stringify({ aud: audience }),
    timeoutMs: answerLimitMs,
    signal,
  });
  if (status === 200) return body;
  throw new TsmcpError({ code: "login-failed", message: `it answers ${status}` });
}

/** Whatever the field is called: only the token has the form of one (RFC 7519 §3). */
function tokenIn(json: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json);
    const texts = typeof value === "object" && value !== null ? Object.values(value) : [value];
    return texts.filter((text) => typeof text === "string").find((text) => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text));
  } catch {
    return undefined;
  }
}
