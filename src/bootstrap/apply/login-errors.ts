import { formatDuration } from "../../core/duration.ts";
import { TsmcpError } from "../../core/errors.ts";
import type { Attempt } from "../attempt.ts";
import type { NodeFacts } from "../facts.ts";
import type { LoginPlan } from "../login-plan.ts";
import type { RequestedCredential } from "../request.ts";

/** Returns the error for a login that tailscale refused, in its own words. */
export function loginFailed(reason: string, credential: RequestedCredential | undefined): TsmcpError {
  return new TsmcpError({
    code: "login-failed",
    message: `tailscale refused the login: ${reason || "it did not say why"}`,
    hint:
      credential === undefined
        ? "check the settings that were asked for"
        : `check that ${credential.secret.origin} holds a key that is valid for this tailnet and not used up`,
  });
}

/** Returns the error for a login that cannot be begun. */
export function loginRefused(plan: Extract<LoginPlan, { kind: "refuse" }>): TsmcpError {
  switch (plan.reason) {
    case "no-credential":
      return new TsmcpError({
        code: "login-failed",
        message: "this node is not logged in, and there is no key",
        hint: "set TS_AUTHKEY, pass --auth-key file:PATH, or pass --interactive to log in with a browser",
      });
    case "other-user":
      return new TsmcpError({
        code: "login-failed",
        message: "tailscaled is in use by another user of this machine",
        hint: "run this as that user, or pass another --socket",
      });
    case "not-ours":
      return new TsmcpError({
        code: "login-failed",
        message:
          plan.differing.length === 0
            ? "this node is somebody else's, and it is stopped"
            : `this node is somebody else's, and has another ${plan.differing.join(", ")}`,
        hint:
          plan.differing.length === 0
            ? 'start it with "tailscale up", or leave --socket out'
            : 'ask for nothing of that, change it with "tailscale set", or leave --socket out',
        facts: { differing: plan.differing },
      });
    case "needs-new-login":
      return new TsmcpError({
        code: "login-failed",
        message: `this node is logged in with another ${plan.differing.join(", ")}`,
        hint: 'run "tsmcp down" first, then log in anew',
        facts: { differing: plan.differing },
      });
  }
}

/** Returns the error for settings that tailscale accepts and does not keep. */
export function settingsNotTaken(differing: readonly string[]): TsmcpError {
  return new TsmcpError({
    code: "login-failed",
    message: `tailscale did not keep ${differing.join(", ") || "the node running"}, although it was told to`,
    hint: "look for a policy of this machine or tailnet that forbids it",
    facts: { differing },
  });
}

/** Returns the error for a node that did not run in time; says what tailscaled knows about why. */
export function loginTimeout({ node, attempt }: { node: NodeFacts | undefined; attempt: Attempt }): TsmcpError {
  const state = node?.status.backendState ?? "unknown";
  const limit = formatDuration(attempt.request.timeoutMs);
  const health = node?.status.health.slice(0, 3) ?? [];
  const why = health.length === 0 ? "" : `: ${health.join("; ")}`;
  return new TsmcpError({
    code: "login-timeout",
    message: `the node was not logged in within ${limit}, its state is ${state}${why}`,
    hint:
      state === "NeedsMachineAuth"
        ? "let an administrator approve the node, then run this again"
        : "check that this machine reaches the login server, by HTTPS_PROXY where that is the only way out",
    facts: { timeoutMs: attempt.request.timeoutMs, state, health },
  });
}
