import type { NodePreferences } from "../tailscale/preferences.ts";
import type { NodeStatus } from "../tailscale/status.ts";
import type { LockedOut } from "../tailscale/tailnet-lock.ts";
import { type NodeSettings, settingsThatAreMissing, settingsThatDiffer } from "../tailscale/up-arguments.ts";

/** What brings the node to Running with the wanted settings. */
export type LoginPlan =
  | { readonly kind: "keep" }
  /** `tailscale up` without a key: it only changes settings, or starts a node that was logged in before. */
  | { readonly kind: "adjust"; readonly differing: readonly string[] }
  | { readonly kind: "log-in" }
  | { readonly kind: "ask-person" }
  /** It needs nothing from us: a start in progress, an administrator's approval, a signature of the tailnet's lock. */
  | { readonly kind: "wait"; readonly for: "start" | "approval" | "signature" }
  | { readonly kind: "refuse"; readonly reason: "no-credential" | "login-ended" | "other-user" }
  | { readonly kind: "refuse"; readonly reason: "needs-new-login"; readonly differing: readonly string[] }
  | { readonly kind: "refuse"; readonly reason: "not-ours"; readonly differing: readonly string[] };

/** Tags and the login server belong to the login itself: tailscale asks for a new one when they change. */
const loginSettings = ["login-server", "advertise-tags"];

/**
 * Returns how to log in. Never with a key when the node is Running: a wrong one would log it out, and every OAuth
 * secret would mint a key for nothing.
 */
export function planLogin(facts: {
  readonly status: NodeStatus;
  readonly preferences: NodePreferences;
  readonly lockedOut?: LockedOut | undefined;
  readonly settings: NodeSettings;
  /** Somebody else's node keeps its settings: `tailscale up --reset` would take all of them. */
  readonly isForeign: boolean;
  readonly hasCredential: boolean;
  readonly interactive: boolean;
}): LoginPlan {
  const { status, preferences, settings } = facts;
  switch (status.backendState) {
    case "Running":
    case "Stopped":
    case "Starting":
    case "NeedsMachineAuth": {
      if (facts.isForeign) return planForeign(facts, settingsThatAreMissing(settings, preferences));
      const differing = settingsThatDiffer(settings, preferences);
      if (differing.some((name) => loginSettings.includes(name))) {
        return { kind: "refuse", reason: "needs-new-login", differing };
      }
      if (status.backendState === "NeedsMachineAuth") return { kind: "wait", for: "approval" };
      if (status.backendState === "Starting") return { kind: "wait", for: "start" };
      if (status.backendState === "Stopped" || differing.length > 0) return { kind: "adjust", differing };
      return whenSigned(facts.lockedOut);
    }
    case "NoState":
    case "NeedsLogin":
      if (facts.hasCredential) return { kind: "log-in" };
      return facts.interactive ? { kind: "ask-person" } : { kind: "refuse", reason: "no-credential" };
    case "InUseOtherUser":
      return { kind: "refuse", reason: "other-user" };
  }
}

function planForeign(
  { status: { backendState }, lockedOut }: { readonly status: NodeStatus; readonly lockedOut?: LockedOut | undefined },
  differing: readonly string[],
): LoginPlan {
  if (differing.length > 0 || backendState === "Stopped") return { kind: "refuse", reason: "not-ours", differing };
  if (backendState === "NeedsMachineAuth") return { kind: "wait", for: "approval" };
  return backendState === "Starting" ? { kind: "wait", for: "start" } : whenSigned(lockedOut);
}

function whenSigned(lockedOut: LockedOut | undefined): LoginPlan {
  return lockedOut === undefined ? { kind: "keep" } : { kind: "wait", for: "signature" };
}
