import { formatDuration } from "../../core/duration.ts";
import { TsmcpError } from "../../core/errors.ts";
import type { LockedOut } from "../../tailscale/tailnet-lock.ts";
import type { Attempt } from "../attempt.ts";
import type { NodeFacts } from "../facts.ts";
import type { LoginPlan } from "../login-plan.ts";
import type { RequestedCredential } from "../request.ts";
import { hintFor, lastLoginError, originOf } from "./login-words.ts";

/** Returns the error for a login that tailscale refused, in its own words. */
export function loginFailed(reason: string, credential: RequestedCredential | undefined): TsmcpError {
  const generic =
    credential === undefined
      ? "check the settings that were asked for"
      : `check that ${originOf(credential)} holds a key that is valid for this tailnet and not used up`;
  return new TsmcpError({
    code: "login-failed",
    message: `tailscale refused the login: ${reason || "it did not say why"}`,
    hint: hintFor(reason, credential) ?? generic,
  });
}

/** Returns the error for a tailscale that does not know an option it was given. */
export function tailscaleOutdated(file: string, reason: string): TsmcpError {
  return new TsmcpError({
    code: "tailscale-outdated",
    message: `${JSON.stringify(file)} is too old for what is asked of it: ${reason}`,
    hint: 'run "tsmcp install" with a newer --tailscale-version, and put that first on PATH',
    facts: { file },
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
    case "login-ended":
      return new TsmcpError({
        code: "login-failed",
        message:
          "this node was logged in and is not any more: its key expired, or somebody removed or logged it out; and there is no new key",
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

/** Returns the error for a node that waits for its approval; it goes on waiting. */
export function approvalMissing({ node, attempt }: { node: NodeFacts; attempt: Attempt }): TsmcpError {
  const name = node.status.self?.hostName ?? "the node";
  return new TsmcpError({
    code: "login-timeout",
    message: `nobody approved ${JSON.stringify(name)} within ${formatDuration(attempt.request.timeoutMs)}; it goes on waiting`,
    hint: "let an administrator of the tailnet approve it, then run this again, or use a key that approves beforehand",
    facts: { timeoutMs: attempt.request.timeoutMs, state: node.status.backendState },
  });
}

/** Returns the error for a node that the tailnet's lock does not let in; it goes on waiting. */
export function signatureMissing(told: {
  readonly node: NodeFacts;
  readonly lockedOut: LockedOut;
  readonly attempt: Attempt;
}): TsmcpError {
  const { node, attempt } = told;
  const { nodeKey, lockKey } = told.lockedOut;
  const name = node.status.self?.hostName ?? "the node";
  const { timeoutMs } = attempt.request;
  return new TsmcpError({
    code: "login-timeout",
    message: `${JSON.stringify(name)} is locked out: no signing node of the tailnet's lock signed it within ${formatDuration(timeoutMs)}; it goes on waiting`,
    hint: `run "tailscale lock sign ${nodeKey} ${lockKey}" on a signing node, then this again, or use an auth key that was signed there ("tailscale lock sign KEY")`,
    facts: { timeoutMs, nodeKey, lockKey },
  });
}

/** Returns the error for a node that did not run in time. `reason` is why the login server could not be asked. */
export function loginTimeout(told: {
  readonly node: NodeFacts | undefined;
  readonly attempt: Attempt;
  readonly reason: string | undefined;
}): TsmcpError {
  const { node, attempt, reason } = told;
  const { timeoutMs, credential, node: settings } = attempt.request;
  const state = node?.status.backendState ?? "unknown";
  const health = node?.status.health ?? [];
  const words = lastLoginError(health) ?? reason;
  const server = settings.loginServer ?? "the login server";
  return new TsmcpError({
    code: "login-timeout",
    message:
      `the node was not logged in within ${formatDuration(timeoutMs)}: ` +
      (words === undefined ? `its state is ${state}, and ${server} answers` : `${server}: ${words}`),
    hint:
      hintFor(words ?? "", credential) ??
      "check that this machine reaches the login server, by HTTPS_PROXY where that is the only way out",
    facts: { timeoutMs, state, health },
  });
}
