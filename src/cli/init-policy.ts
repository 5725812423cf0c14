import { checkNodeSettings } from "../bootstrap/node-settings.ts";
import { variableText } from "../config/settings.ts";
import { TsmcpError } from "../core/errors.ts";
import { policyText } from "../init/policy.ts";
import { tailnetPolicyText } from "../init/tailnet-policy.ts";
import type { Trust } from "../init/trust.ts";
import type { CommandContext } from "./context.ts";

export interface InitPolicyOptions {
  readonly for?: "cursor" | "github";
  readonly advertiseTags?: string;
}

/** Whoever reads this token can do nothing with it. */
const throwAwayAudience = "tsmcp-init";

/**
 * Prints the tailnet's policy, and with `--for` what lets a platform's machines join without a stored key. Throws
 * `usage-invalid` where it cannot be told whose machines they are, and `login-failed` when a platform gives no token.
 */
export async function printPolicy(options: InitPolicyOptions, context: CommandContext): Promise<void> {
  const [tag = ""] = checkNodeSettings({
    loginServer: undefined,
    hostname: undefined,
    advertiseTags: [options.advertiseTags ?? "tag:agent"],
    acceptRoutes: false,
    shieldsUp: true,
  }).advertiseTags;
  const policy = tailnetPolicyText(tag);
  if (options.for === undefined) {
    context.result({ policy }, policy);
    return;
  }
  const trust = await (options.for === "github" ? trustInGithub(context) : trustInCursor(context));
  const value = { policy, tagOwners: { [tag]: ["autogroup:admin"] }, trust };
  context.result(value, policyText({ platform: options.for, tag, trust, policy }));
}

async function trustInGithub({ env, cwd }: CommandContext): Promise<Trust> {
  const [{ githubRepositoryAt }, { githubTrust }] = await Promise.all([
    import("../init/repository.ts"),
    import("../init/trust.ts"),
  ]);
  const repository = variableText(env, "GITHUB_REPOSITORY") ?? githubRepositoryAt(cwd);
  if (repository !== undefined) return githubTrust(repository);
  throw usage("this is no clone of a repository at GitHub", "run it in one, or set GITHUB_REPOSITORY to OWNER/NAME");
}

async function trustInCursor(context: CommandContext): Promise<Trust> {
  const [{ mintIdentityToken }, { cursorTrust }] = await Promise.all([
    import("../bootstrap/identity-token.ts"),
    import("../init/trust.ts"),
  ]);
  const socket = variableText(context.env, "CURSOR_AGENT_SOCKET");
  if (socket === undefined) {
    throw usage(
      "this is no Cursor cloud agent: CURSOR_AGENT_SOCKET is not set",
      "run it in one, whose token tells the claims",
    );
  }
  return cursorTrust((await mintIdentityToken({ kind: "cursor", socket }, throwAwayAudience, context)).reveal());
}

function usage(message: string, hint: string): TsmcpError {
  return new TsmcpError({ code: "usage-invalid", message, hint });
}
