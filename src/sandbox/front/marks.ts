import { encodeWords } from "../../tailscale/encoded-words.ts";
import { isAtLeast, type TailscaleVersion } from "../../tailscale/version.ts";
import type { Capabilities, TailnetNode } from "../tailnet.ts";

/** From where a connection came: the internet by Funnel, or a node by Serve. */
export type Origin =
  | { readonly kind: "funnel"; readonly address: string }
  | { readonly kind: "serve"; readonly address: string; readonly node: TailnetNode | undefined };

/** What a version of tailscaled does with the marks it sets; older ones leave what a client sent. */
export interface MarkRules {
  readonly marksFunnel: boolean;
  readonly knowsCapabilities: boolean;
}

/** Returns the rules of a version. Source: tailscale `ipn/ipnlocal/serve.go` at v1.70.0, v1.72.0, v1.90.9, v1.92.0. */
export function markRulesOf(version: TailscaleVersion): MarkRules {
  return {
    marksFunnel: isAtLeast(version, { major: 1, minor: 72, patch: 0 }),
    knowsCapabilities: isAtLeast(version, { major: 1, minor: 92, patch: 0 }),
  };
}

/** Returns the names, as Go writes them, that a client's own headers lose. */
export function deletedMarks({ marksFunnel, knowsCapabilities }: MarkRules): readonly string[] {
  return [
    "Tailscale-User-Login",
    "Tailscale-User-Name",
    "Tailscale-User-Profile-Pic",
    "Tailscale-Headers-Info",
    ...(marksFunnel ? ["Tailscale-Funnel-Request"] : []),
    ...(knowsCapabilities ? ["Tailscale-App-Capabilities"] : []),
  ];
}

/** Returns what tailscaled says of the caller. Source: tailscale `ipn/ipnlocal/serve.go` addTailscaleIdentityHeaders. */
export function marksOf(
  origin: Origin,
  { rules, acceptAppCaps }: { readonly rules: MarkRules; readonly acceptAppCaps: readonly string[] },
): readonly (readonly [name: string, value: string])[] {
  if (origin.kind === "funnel") return rules.marksFunnel ? [["Tailscale-Funnel-Request", "?1"]] : [];
  const { node } = origin;
  if (node === undefined) return [];
  const capabilities =
    rules.knowsCapabilities && acceptAppCaps.length > 0
      ? capabilitiesText(node.capabilities, acceptAppCaps)
      : undefined;
  return [
    ...(node.tags.length > 0
      ? []
      : ([
          ["Tailscale-User-Login", encodeWords(node.user.login)],
          ["Tailscale-User-Name", encodeWords(node.user.displayName)],
          ["Tailscale-User-Profile-Pic", node.user.picture],
          ["Tailscale-Headers-Info", "https://tailscale.com/s/serve-headers"],
        ] as const)),
    ...(capabilities === undefined ? [] : ([["Tailscale-App-Capabilities", encodeWords(capabilities)]] as const)),
  ];
}

/** Undefined for a peer with no capability at all; `{}` for one that has only others. */
function capabilitiesText(given: Capabilities, accepted: readonly string[]): string | undefined {
  if (Object.keys(given).length === 0) return undefined;
  const kept = accepted.filter((name) => given[name] !== undefined).toSorted();
  return goJson(Object.fromEntries(kept.map((name) => [name, given[name]])));
}

/** Go's `json.Marshal` writes what HTML could misread as escapes. */
export function goJson(value: unknown, indent = ""): string {
  return JSON.stringify(value, null, indent).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
