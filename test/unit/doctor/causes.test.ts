import { describe, expect, test } from "vitest";
import { cursor } from "../../../src/agents/cursor.ts";
import type { CursorEnvironment } from "../../../src/agents/cursor-environment.ts";
import type { AgentEntry } from "../../../src/agents/dialect.ts";
import { judgeAgentCommand, judgeAgentEntry, judgeAgentFile } from "../../../src/doctor/checks/agent-files.ts";
import { judgeAgentReach, judgeAgentRules } from "../../../src/doctor/checks/agent-rules.ts";
import { judgeSystem } from "../../../src/doctor/checks/platform.ts";
import { judgeClock } from "../../../src/doctor/checks/platform-clock.ts";
import { judgeKey } from "../../../src/doctor/checks/platform-key.ts";
import { exportsInProfile, judgeExports } from "../../../src/doctor/checks/proxy-exports.ts";
import { judgeLatency } from "../../../src/doctor/checks/proxy-names.ts";
import { judgePython } from "../../../src/doctor/checks/proxy-python.ts";
import { judgeGrants } from "../../../src/doctor/checks/tailnet-grants.ts";
import { judgeTls } from "../../../src/doctor/checks/tailnet-tls.ts";
import { judgeClone } from "../../../src/doctor/checks/tailscale-clone.ts";
import { judgeVersion, servedFeatures } from "../../../src/doctor/checks/tailscale-version.ts";

describe("platform.clock", () => {
  const now = Date.UTC(2026, 10, 21, 12);

  test.each([
    [now, undefined, "pass"],
    [now, now + 60_000, "pass"],
    [now, now - 10 * 60_000, "warn"],
    [Date.UTC(1970, 0, 1), undefined, "fail"],
    [Date.UTC(2099, 0, 1), now, "fail"],
  ])("at %d, with a server's %j: %s", (nowMs, serverMs, status) => {
    expect(judgeClock({ nowMs, serverMs }).status).toBe(status);
  });
});

test.each([
  ["linux", "pass"],
  ["darwin", "warn"],
  ["win32", "fail"],
])("platform.system on %s: %s", (platform, status) => {
  expect(judgeSystem({ platform, arch: "x64" }).status).toBe(status);
});

test.each([
  [[], "pass"],
  [[{ place: "TS_AUTHKEY", kind: "variable" }], "warn"],
  [[{ place: ".env", kind: "file" }], "warn"],
  [
    [
      { place: "TS_AUTHKEY", kind: "variable" },
      { place: ".cursor/mcp.json", kind: "committed" },
    ],
    "fail",
  ],
] as const)("platform.key with %j: %s", (places, status) => {
  expect(judgeKey({ places }).status).toBe(status);
});

const path = "/w/.cursor/mcp.json";
const bridge: AgentEntry = { kind: "command", command: "tsmcp", args: ["bridge", "https://n.t.ts.net:8443/mcp"] };
const entry = (read: AgentEntry, raw: unknown = {}) => ({ name: "notes", path, agent: cursor, entry: read, raw });
const environment = (changes: object = {}): CursorEnvironment => ({
  kind: "read",
  path: "/w/.cursor/environment.json",
  install: "",
  start: "tsmcp up",
  ...changes,
});

describe("the agent's file", () => {
  const read = { kind: "read", agent: cursor, path, entries: new Map() } as const;
  const invalid = { kind: "invalid", agent: cursor, path, reason: `${path}:2:3: expected a comma` } as const;
  const found = (files: readonly (typeof read | typeof invalid)[], isAgentVm = false) => ({
    workspace: "/w",
    isAgentVm,
    files,
  });

  test.each([
    [found([read]), "pass"],
    [found([read, invalid]), "fail"],
    [found([]), "skip"],
    [{ workspace: undefined, isAgentVm: false, files: [] }, "skip"],
  ])("%# is judged", (findings, status) => {
    expect(judgeAgentFile(findings).status).toBe(status);
  });

  test.each([
    [found([read]), [entry(bridge)], "pass"],
    [found([read]), [], "warn"],
    [found([read], true), [], "fail"],
    [found([], true), [], "fail"],
    [found([]), [], "skip"],
  ])("names the server or not: %#", (agents, entries, status) => {
    expect(judgeAgentEntry({ agents, entries, url: "https://n.t.ts.net:8443/mcp" }).status).toBe(status);
  });

  test("starts what is there, or says what is not", () => {
    expect(judgeAgentCommand({ entries: [entry(bridge)], missing: [] }).status).toBe("pass");
    const missing = [{ name: "notes", path, program: "tsmcp" }];
    expect(judgeAgentCommand({ entries: [entry(bridge)], missing })).toMatchObject({
      status: "fail",
      message: `notes in ${path} starts "tsmcp", which is not there`,
      hint: "install it: npm install --global tsmcp",
    });
  });
});

describe("rules for agents", () => {
  test.each([
    [environment(), {}, [], "pass"],
    [{ kind: "missing" } as const, {}, [], "pass"],
    [environment(), {}, ["/etc/f does not allow notes (x)"], "fail"],
    [environment(), { disabled: true }, [], "fail"],
    [{ kind: "missing" } as const, { enabled: false }, [], "fail"],
    [{ kind: "invalid", path: "/w/e.json", reason: "is not JSON" } as const, {}, [], "fail"],
  ])("%# let the server run or not", (rules, raw, blockers, status) => {
    expect(judgeAgentRules({ environment: rules, entries: [{ ...entry(bridge, raw), blockers }] }).status).toBe(status);
  });

  test("are told once, with the agent, however many entries they keep from use", () => {
    const blockers = ["/etc/f does not allow notes (x)", "/etc/g switches notes off (y)"];
    const entries = [1, 2].map(() => ({ ...entry(bridge), blockers }));
    expect(judgeAgentRules({ environment: environment(), entries })).toMatchObject({
      message: "Cursor will not use notes: /etc/f does not allow notes (x); /etc/g switches notes off (y)",
    });
  });

  test("have nothing to say where no entry names the server", () => {
    expect(judgeAgentRules({ environment: environment(), entries: [] }).status).toBe("skip");
  });

  test.each([
    [environment(), bridge, "pass", "own machine"],
    [environment(), { kind: "url", url: "https://n.t.ts.net:8443/mcp" } as const, "warn", "from outside the tailnet"],
    [environment(), { kind: "url", url: "https://n.t.ts.net:8443/sse" } as const, "warn", "SSE"],
    [
      environment(),
      { kind: "command", command: "npx", args: ["-y", "mcp-remote@latest", "https://x"] } as const,
      "warn",
      "mcp-remote",
    ],
    [environment({ start: "" }), bridge, "warn", "no tsmcp up in start"],
    [environment({ start: "", install: "npm i -g tsmcp && tsmcp up" }), bridge, "warn", "lost in the snapshot"],
  ])("%# reach the tailnet from where they run, or not", (rules, read, status, words) => {
    const judged = judgeAgentReach({ environment: rules, entries: [entry(read)], isAgentVm: false });
    expect(judged.status).toBe(status);
    expect(judged.message).toContain(words);
  });
});

test.each([
  ["1.102.5", ["proxy", "funnel", "app-capabilities", "unix-backend"], "pass"],
  ["1.90.9-t1a2b3c", ["app-capabilities"], "fail"],
  ["1.93.0", ["unix-backend"], "fail"],
  ["1.71.0", ["funnel"], "fail"],
  ["1.71.0", [], "pass"],
  ["nightly", [], "unknown"],
  [undefined, [], "skip"],
] as const)("tailscale.version %s with %j: %s", (version, features, status) => {
  expect(judgeVersion({ version, features }).status).toBe(status);
});

test("what a Serve configuration makes use of is read from it", () => {
  const web = { "n.ts.net:443": { Handlers: { "/": { Proxy: "unix:/run/x", AcceptAppCaps: ["example.com/cap"] } } } };
  expect(servedFeatures(JSON.stringify({ Web: web, AllowFunnel: { "n.ts.net:443": true } }))).toEqual([
    "funnel",
    "app-capabilities",
    "unix-backend",
  ]);
  expect(servedFeatures("null")).toEqual([]);
});

test.each([
  [{ stateDir: undefined, daemons: [], machine: "m" }, "skip"],
  [{ stateDir: "/var/lib/tailscale", daemons: [7], machine: "m" }, "pass"],
  [{ stateDir: "/var/lib/tailscale", daemons: [7, 8], machine: "m" }, "fail"],
  [{ stateDir: "/s/0b7e2a52-6c0e-4b7c-9d43-2a2f6f1c0e11-1c22ab90/state", daemons: [7], machine: "m" }, "fail"],
])("tailscale.clone %#: %s", (found, status) => {
  expect(judgeClone(found).status).toBe(status);
});

describe("an exported proxy", () => {
  test("in a profile is one without a test around it", () => {
    const profile = [
      'export ALL_PROXY="socks5h://127.0.0.1:1055"',
      "  export HTTPS_PROXY=http://127.0.0.1:1",
      "https_proxy=http://127.0.0.1:2; export https_proxy",
      "# export HTTP_PROXY=http://127.0.0.1:3",
      "export MY_HTTP_PROXY=http://127.0.0.1:4",
    ].join("\n");
    expect(exportsInProfile(profile)).toEqual([
      { line: 1, value: "socks5h://127.0.0.1:1055" },
      { line: 3, value: "http://127.0.0.1:2" },
    ]);
  });

  test("that is dead in this environment is worse than one in a profile", () => {
    const dead = { proxy: "http://127.0.0.1:1", listens: false };
    const profile = { from: "~/.bashrc:3", isProfile: true, ...dead };
    const variable = { from: "HTTPS_PROXY", isProfile: false, ...dead };
    expect(judgeExports([]).status).toBe("pass");
    expect(judgeExports([{ ...variable, listens: true }]).status).toBe("pass");
    expect(judgeExports([profile]).status).toBe("warn");
    expect(judgeExports([profile, variable])).toMatchObject({ status: "fail", hint: "unset HTTPS_PROXY" });
  });
});

test.each([
  [["pip", "requests", "socks"], []],
  [["pip"], ["pip"]],
  [["requests", "httpx", "socks"], ["httpx"]],
  [["httpx", "socksio"], []],
  [[], []],
])("proxy.python with %j is a trap for %j", (modules, trapped) => {
  const judged = judgePython({ kind: "asked", variable: "ALL_PROXY", python: "/usr/bin/python3", modules });
  expect(judged).toMatchObject({ status: trapped.length === 0 ? "pass" : "warn", facts: { trapped } });
});

test.each([
  [2, "pass"],
  [999, "pass"],
  [1_000, "warn"],
])("proxy.latency of %d ms: %s", (durationMs, status) => {
  const proxy = "http://127.0.0.1:1055";
  expect(judgeLatency({ kind: "dialed", proxy, target: "100.64.0.1:1", durationMs }).status).toBe(status);
});

describe("tailnet.grants", () => {
  const dialed = (failure: { layer: string; reason: string } | undefined) => ({
    end: "n.t.ts.net:8443",
    through: undefined,
    durationMs: 1,
    failure,
  });
  const silence = { layer: "connect", reason: "no answer within 8000 ms" };

  test.each([
    [undefined, undefined, "pass"],
    [silence, true, "fail"],
    [silence, false, "skip"],
    [silence, undefined, "skip"],
    [{ layer: "connect", reason: "connection was refused" }, undefined, "skip"],
  ])("after %j, with a ping that was answered: %j, is %s", (failure, answersPing, status) => {
    expect(judgeGrants({ dialed: dialed(failure), answersPing, asWhom: "tag:agent" }).status).toBe(status);
  });
});

describe("tailnet.tls", () => {
  const failed = (code: string) => ({ kind: "failed", host: "n.ts.net", code, reason: code, now: "now" }) as const;

  test.each([
    ["CERT_HAS_EXPIRED", "tailscale cert"],
    ["CERT_NOT_YET_VALID", "clock"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "full name"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "NODE_EXTRA_CA_CERTS"],
    ["EPROTO", "behind Serve"],
    ["ECONNRESET", "switch HTTPS on"],
  ])("that fails with %s says: %s", (code, words) => {
    expect(judgeTls(failed(code))).toMatchObject({ status: "fail", hint: expect.stringContaining(words) });
  });

  test.each([
    [30, "pass"],
    [3, "warn"],
    [Number.NaN, "unknown"],
  ])("with %d days left: %s", (daysLeft, status) => {
    expect(judgeTls({ kind: "verified", host: "n", validTo: "then", issuer: "me", daysLeft }).status).toBe(status);
  });
});
