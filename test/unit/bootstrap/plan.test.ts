import { expect, test } from "vitest";
import type { UpFacts } from "../../../src/bootstrap/facts.ts";
import { planUp } from "../../../src/bootstrap/plan.ts";
import type { UpRequest } from "../../../src/bootstrap/request.ts";
import { serverFromUrl } from "../../../src/config/server.ts";
import { Secret } from "../../../src/core/secrets.ts";
import type { BackendState } from "../../../src/tailscale/status.ts";
import { plainRequest } from "./plain-request.ts";

const proxy = { host: "127.0.0.1", port: 1055 };
const server = { ...serverFromUrl("https://n.t.ts.net:8443/mcp", "URL", "notes"), origin: "--server", trusted: true };

const request: UpRequest = {
  ...plainRequest,
  credential: { kind: "given", flag: "--auth-key", secret: new Secret("k", "TS_AUTHKEY") },
  dryRun: true,
};

const nothing: UpFacts = {
  programs: { kind: "found", tailscale: "/b/tailscale", tailscaled: "/b/tailscaled" },
  record: undefined,
  daemon: { kind: "none" },
  node: undefined,
  proxy: undefined,
  agentPlan: undefined,
  files: [],
};

const identity = { pid: 7, startTicks: "1" };

function running(backendState: BackendState = "Running"): UpFacts {
  const self = {
    dnsName: "vm.t.ts.net",
    hostName: "vm",
    ips: ["100.64.0.1"],
    tags: [],
    online: true,
    expired: false,
    peerApiUrls: [],
    capabilities: [],
  };
  const preferences = {
    loginServer: "https://controlplane.tailscale.com",
    hostname: "",
    advertiseTags: [],
    acceptRoutes: false,
    shieldsUp: true,
    wantRunning: true,
  };
  const status = { version: "1", authUrl: "", health: [], magicDnsSuffix: "t.ts.net", usesTun: false };
  return {
    ...nothing,
    record: { version: 1, socket: "/s", proxy, daemon: identity, stateDir: "/d", entries: [], exports: [] },
    daemon: { kind: "ours", identity },
    node: { status: { ...status, backendState, self }, preferences },
    proxy: { address: proxy, answers: true },
  };
}

function planOf(facts: UpFacts, asked: Partial<UpRequest> = {}): Record<string, string> {
  const steps = planUp(facts, { ...request, ...asked });
  return Object.fromEntries(steps.map(({ id, status, detail }) => [id, `${status}: ${detail}`]));
}

test("the plan for an empty machine starts everything", () => {
  expect(planOf(nothing)).toEqual({
    preflight: "planned: check what the steps need",
    install: "kept: /b/tailscaled",
    daemon: "planned: start tailscaled",
    login: "planned: log in",
    proxy: "planned: dial through the proxy",
    exports: "skipped: --export none",
    "agent-config": "skipped: no servers",
    verify: "skipped: no servers",
  });
});

test("the plan for a node that is up keeps everything", () => {
  expect(planOf(running())).toEqual({
    preflight: "kept: this node is up",
    install: "kept: /b/tailscaled",
    daemon: "kept: pid 7",
    login: "kept: vm.t.ts.net",
    proxy: "kept: 127.0.0.1:1055",
    exports: "skipped: --export none",
    "agent-config": "skipped: no servers",
    verify: "skipped: no servers",
  });
});

test.each([
  [
    "missing programs",
    { ...nothing, programs: { kind: "missing", names: ["tailscaled"], refused: [] } },
    {},
    "install",
    "planned: get tailscale (the newest) from https://mirror.test/",
  ],
  [
    "a lost daemon",
    { ...nothing, daemon: { kind: "lost", identities: [identity] } },
    {},
    "daemon",
    "planned: replace tailscaled 7, which does not answer",
  ],
  ["another's daemon", { ...nothing, daemon: { kind: "foreign" } }, {}, "daemon", "kept: somebody else's tailscaled"],
  ["the same proxy address", running(), { proxyIsExplicit: true }, "daemon", "kept: pid 7"],
  ["any port", running(), { proxyIsExplicit: true, proxy: { ...proxy, port: 0 } }, "daemon", "kept: pid 7"],
  [
    "another port",
    running(),
    { proxyIsExplicit: true, proxy: { ...proxy, port: 9 } },
    "daemon",
    "planned: restart tailscaled with its proxy on 127.0.0.1:9",
  ],
  ["another default", running(), { proxy: { ...proxy, port: 9 } }, "daemon", "kept: pid 7"],
  ["a stopped node", running("Stopped"), {}, "login", "planned: reconnect"],
  [
    "a node to be approved",
    running("NeedsMachineAuth"),
    {},
    "login",
    "planned: wait until an administrator approves the node",
  ],
  ["another name", running(), { node: { ...request.node, hostname: "x" } }, "login", "planned: change hostname"],
  [
    "a silent proxy",
    { ...running(), proxy: { address: proxy, answers: false } },
    {},
    "proxy",
    "planned: dial through the proxy",
  ],
  ["exports", running(), { exports: "profile" }, "exports", "planned: export the proxy: profile"],
  [
    "no agent",
    running(),
    { servers: [server] },
    "agent-config",
    "skipped: no known agent works here; name one with --agent",
  ],
  ["servers", running(), { servers: [server] }, "verify", "planned: check notes"],
  ["no proof wanted", running(), { servers: [server], verify: false }, "verify", "skipped: --no-verify"],
] as const)("the plan with %s", (_title, facts, asked, id, expected) => {
  expect(planOf(facts, asked)[id]).toBe(expected);
});
