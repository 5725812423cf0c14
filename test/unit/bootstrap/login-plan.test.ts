import { expect, test } from "vitest";
import { planLogin } from "../../../src/bootstrap/login-plan.ts";
import type { BackendState } from "../../../src/tailscale/status.ts";

const settings = {
  loginServer: undefined,
  hostname: "vm",
  advertiseTags: ["tag:agent"],
  acceptRoutes: false,
  shieldsUp: true,
};
const same = {
  loginServer: "https://controlplane.tailscale.com",
  hostname: "vm",
  advertiseTags: ["tag:agent"],
  acceptRoutes: false,
  shieldsUp: true,
  wantRunning: true,
};
const renamed = { ...same, hostname: "other" };
const retagged = { ...same, advertiseTags: [], shieldsUp: false };

const key = { hasCredential: true, interactive: false };
const nothing = { hasCredential: false, interactive: false };
const person = { hasCredential: false, interactive: true };
const needsNewLogin = { kind: "refuse", reason: "needs-new-login", differing: ["advertise-tags", "shields-up"] };

test.each([
  ["Running", same, key, { kind: "keep" }],
  ["Running", renamed, key, { kind: "adjust", differing: ["hostname"] }],
  ["Running", retagged, key, needsNewLogin],
  ["Stopped", same, key, { kind: "adjust", differing: [] }],
  ["Stopped", renamed, nothing, { kind: "adjust", differing: ["hostname"] }],
  ["Stopped", retagged, key, needsNewLogin],
  ["Starting", renamed, key, { kind: "wait", for: "start" }],
  ["NeedsMachineAuth", same, key, { kind: "wait", for: "approval" }],
  ["NeedsLogin", retagged, key, { kind: "log-in" }],
  ["NeedsLogin", same, { hasCredential: true, interactive: true }, { kind: "log-in" }],
  ["NeedsLogin", same, person, { kind: "ask-person" }],
  ["NeedsLogin", same, nothing, { kind: "refuse", reason: "no-credential" }],
  ["NoState", same, key, { kind: "log-in" }],
  ["InUseOtherUser", same, key, { kind: "refuse", reason: "other-user" }],
] as const)("planLogin of %s with %j and %j is %j", (backendState, preferences, means, expected) => {
  expect(planLogin({ status: statusOf(backendState), preferences, settings, isForeign: false, ...means })).toEqual(
    expected,
  );
});

const asked = { ...settings, hostname: undefined, advertiseTags: [] };
const theirs = { ...same, acceptRoutes: true, shieldsUp: false };
const notOurs = { kind: "refuse", reason: "not-ours" };

test.each([
  ["Running", {}, { kind: "keep" }],
  ["Running", { hostname: "vm", advertiseTags: ["tag:agent"], acceptRoutes: true, shieldsUp: false }, { kind: "keep" }],
  ["Running", { hostname: "other" }, { ...notOurs, differing: ["hostname"] }],
  ["Running", { advertiseTags: ["tag:other"] }, { ...notOurs, differing: ["advertise-tags"] }],
  ["Running", { loginServer: "https://c" }, { ...notOurs, differing: ["login-server"] }],
  ["Stopped", {}, { ...notOurs, differing: [] }],
  ["Starting", {}, { kind: "wait", for: "start" }],
  ["NeedsMachineAuth", {}, { kind: "wait", for: "approval" }],
  ["NeedsLogin", {}, { kind: "log-in" }],
] as const)("planLogin of somebody else's node that is %s, asked for %j, is %j", (backendState, wanted, expected) => {
  const node = { status: statusOf(backendState), preferences: theirs, isForeign: true };
  expect(planLogin({ ...node, settings: { ...asked, ...wanted }, ...key })).toEqual(expected);
});

test.each([
  ["ours, as it should be", false, same, { kind: "wait", for: "signature" }],
  ["ours, with another name", false, renamed, { kind: "adjust", differing: ["hostname"] }],
  ["somebody else's", true, same, { kind: "wait", for: "signature" }],
] as const)("planLogin of a node that is locked out and %s is %#", (_whose, isForeign, preferences, expected) => {
  const lockedOut = { nodeKey: "nodekey:1", lockKey: "nlpub:1" };
  const facts = { status: statusOf("Running"), preferences, lockedOut, isForeign, settings, ...key };
  expect(planLogin(facts)).toEqual(expected);
});

function statusOf(backendState: BackendState) {
  return {
    version: "1.102.5",
    backendState,
    authUrl: "",
    self: undefined,
    health: [],
    magicDnsSuffix: undefined,
    usesTun: false,
  };
}
