import { describe, expect, test } from "vitest";
import { daemonArguments, isDaemonOn, isLoginOn, wireGuardPort } from "../../../src/tailscale/daemon-arguments.ts";
import { daemonEnvironment } from "../../../src/tailscale/daemon-environment.ts";
import { parsePreferences } from "../../../src/tailscale/preferences.ts";
import { type FileFacts, socketDefect } from "../../../src/tailscale/socket-trust.ts";
import { parseStatus } from "../../../src/tailscale/status.ts";
import { type NodeSettings, settingsThatDiffer, upArguments } from "../../../src/tailscale/up-arguments.ts";
import { isAtLeast, parseTailscaleVersion } from "../../../src/tailscale/version.ts";

test.each([
  ["1.102.5", { major: 1, minor: 102, patch: 5 }],
  ["1.102.5-ERR-BuildInfo\n  go version: go1.26", { major: 1, minor: 102, patch: 5 }],
  ["1.96", { major: 1, minor: 96, patch: 0 }],
  ["v1.80.0-t1a2b3c4d5", { major: 1, minor: 80, patch: 0 }],
  ["ERR", undefined],
  ["", undefined],
])("parseTailscaleVersion reads %j", (text, expected) => {
  expect(parseTailscaleVersion(text)).toEqual(expected);
});

test.each([
  ["1.102.5", "1.94.0", true],
  ["1.94.0", "1.94.0", true],
  ["1.93.9", "1.94.0", false],
  ["2.0.0", "1.94.0", true],
])("version %s is at least %s: %s", (version, minimum, expected) => {
  const [left, right] = [parseTailscaleVersion(version), parseTailscaleVersion(minimum)];
  expect(left !== undefined && right !== undefined && isAtLeast(left, right)).toBe(expected);
});

test("daemonArguments give one address to both proxies, and a port that PORT cannot change", () => {
  const settings = { socket: "/s", stateDir: "/d", proxy: { host: "::1", port: 9 }, noLogs: true };
  expect(daemonArguments(settings)).toEqual([
    "--tun=userspace-networking",
    "--socket=/s",
    "--statedir=/d",
    `--port=${wireGuardPort("/d")}`,
    "--socks5-server=[::1]:9",
    "--outbound-http-proxy-listen=[::1]:9",
    "--no-logs-no-support",
  ]);
});

test("a node keeps WireGuard's port, which differs from other nodes' and is none of the kernel's own", () => {
  const ports = Array.from({ length: 200 }, (_, index) => wireGuardPort(`/home/user/state/${index}`));
  expect(ports).toEqual(Array.from({ length: 200 }, (_, index) => wireGuardPort(`/home/user/state/${index}`)));
  expect(ports.filter((port) => port < 61_000 || port > 65_535)).toEqual([]);
  expect(new Set(ports).size).toBeGreaterThan(180);
});

test.each([
  [["tailscaled", "--socket=/s", "--statedir=/d"], true, false],
  [["/bin/sh", "/stand-in/tailscaled", "--statedir=/d", "--socket=/s"], true, false],
  [["tailscale", "--socket=/s", "up", "--reset"], false, true],
  [["tailscale", "--socket=/s", "status"], false, false],
  [["tailscaled", "--socket=/other", "--statedir=/d"], false, false],
  [["tailscaled", "--socket=/s", "--statedir=/somebody"], false, false],
  [["grep", "--socket=/s"], false, false],
])("%j is a daemon on the socket: %s, a login: %s", (argv, isDaemon, isLogin) => {
  expect([isDaemonOn({ socket: "/s", stateDirs: ["/e", "/d"] }, argv), isLoginOn("/s", argv)]).toEqual([
    isDaemon,
    isLogin,
  ]);
});

describe("daemonEnvironment", () => {
  const env = {
    PATH: "/bin",
    HOME: "/root",
    TS_AUTHKEY: "tskey-auth-secret",
    TSMCP_AUTH_KEY: "tskey-auth-secret",
    ALL_PROXY: "socks5://127.0.0.1:1",
    all_proxy: "socks5://127.0.0.1:1",
    PORT: "1",
    STATE_DIRECTORY: "/x",
    SSLKEYLOGFILE: "/x",
    TS_DEBUG_ALWAYS_USE_DERP: "1",
    HTTPS_PROXY: "http://proxy.corp:3128",
    https_proxy: "http://127.0.0.1:1055",
    NO_PROXY: "localhost",
    SSL_CERT_FILE: "/ca.pem",
    LANG: "",
  };

  test("keeps what a daemon needs, and a proxy that may be the only way out", () => {
    const deadProxies = ["http://127.0.0.1:1055"];
    expect(daemonEnvironment({ env, logsDir: "/logs", deadProxies })).toEqual({
      PATH: "/bin",
      HOME: "/root",
      HTTPS_PROXY: "http://proxy.corp:3128",
      NO_PROXY: "localhost",
      SSL_CERT_FILE: "/ca.pem",
      TS_LOGS_DIR: "/logs",
    });
  });
});

const settings: NodeSettings = {
  loginServer: undefined,
  hostname: undefined,
  advertiseTags: [],
  acceptRoutes: false,
  shieldsUp: true,
};

test("upArguments name every setting, and a secret only by its file", () => {
  const credential = { flag: "--id-token", file: "/proc/self/fd/3", clientId: "id" } as const;
  const node = { ...settings, hostname: "vm", advertiseTags: ["tag:a", "tag:b"], loginServer: "https://c" };
  expect(upArguments({ socket: "/s", settings: node, credential, timeoutMs: 1_500.4, showsQrCode: false })).toEqual([
    "--socket=/s",
    "up",
    "--reset",
    "--login-server=https://c",
    "--hostname=vm",
    "--advertise-tags=tag:a,tag:b",
    "--accept-routes=false",
    "--shields-up=true",
    "--timeout=1500ms",
    "--id-token=file:/proc/self/fd/3",
    "--client-id=id",
  ]);
  expect(upArguments({ socket: "/s", settings, credential: undefined, showsQrCode: true, timeoutMs: 0 })).toContain(
    "--timeout=1ms",
  );
});

const preferences = {
  loginServer: "https://controlplane.tailscale.com",
  hostname: "",
  advertiseTags: [],
  acceptRoutes: false,
  shieldsUp: true,
  wantRunning: true,
};

test.each([
  [{}, {}, []],
  [{ loginServer: "https://login.tailscale.com" }, {}, []],
  [{ loginServer: "https://c" }, {}, ["login-server"]],
  [{ hostname: "vm" }, {}, ["hostname"]],
  [{ advertiseTags: ["tag:b", "tag:a"] }, { advertiseTags: ["tag:a", "tag:b"] }, []],
  [{ acceptRoutes: true }, { shieldsUp: false }, ["accept-routes", "shields-up"]],
])("settingsThatDiffer of %j and %j are %j", (wanted, now, expected) => {
  expect(settingsThatDiffer({ ...settings, ...wanted }, { ...preferences, ...now })).toEqual(expected);
});

test("parseStatus reads what 1.102.5 says", () => {
  const status = {
    Version: "1.102.5",
    TUN: false,
    BackendState: "Running",
    AuthURL: "",
    Self: {
      DNSName: "VM.tail.ts.net.",
      HostName: "vm",
      TailscaleIPs: ["100.64.0.1"],
      Tags: ["tag:agent"],
      Online: true,
      PeerAPIURL: ["http://100.64.0.1:5"],
      CapMap: { https: null },
    },
    Health: ["a"],
    CurrentTailnet: { MagicDNSSuffix: "tail.ts.net" },
  };
  expect(parseStatus(JSON.stringify(status))).toEqual({
    version: "1.102.5",
    backendState: "Running",
    authUrl: "",
    self: {
      dnsName: "vm.tail.ts.net",
      hostName: "vm",
      ips: ["100.64.0.1"],
      tags: ["tag:agent"],
      online: true,
      expired: false,
      peerApiUrls: ["http://100.64.0.1:5"],
      capabilities: ["https"],
    },
    health: ["a"],
    magicDnsSuffix: "tail.ts.net",
    usesTun: false,
  });
});

test.each(["", "null", "[]", "{}", '{"BackendState":"Flying"}', '{"BackendState":1}', "access denied"])(
  "parseStatus and parsePreferences return nothing for %j",
  (text) => {
    expect([parseStatus(text), parsePreferences(text)]).toEqual([undefined, undefined]);
  },
);

test("parseStatus takes nulls and missing parts for empty ones", () => {
  const text =
    '{"BackendState":"NeedsLogin","Self":{"TailscaleIPs":null,"Tags":null},"Health":null,"CurrentTailnet":null}';
  expect(parseStatus(text)).toMatchObject({ self: { ips: [], tags: [], dnsName: "" }, magicDnsSuffix: undefined });
});

describe("socketDefect", () => {
  const directory = (uid: number, mode: number): FileFacts => ({ uid, kind: "directory", mode });
  const socket = (uid: number): FileFacts => ({ uid, kind: "socket", mode: 0o666 });
  const base: Readonly<Record<string, FileFacts>> = {
    "/": directory(0, 0o755),
    "/tmp": directory(0, 0o1777),
    "/home": directory(0, 0o755),
    "/home/me": directory(1000, 0o700),
    "/home/you": directory(1001, 0o755),
    "/shared": directory(0, 0o777),
    "/var": { uid: 0, kind: "link", mode: 0o777 },
    "/link": { uid: 1001, kind: "link", mode: 0o777 },
  };

  test.each([
    ["/home/me/s", { "/home/me/s": socket(1000) }, undefined],
    ["/home/me/s", {}, undefined],
    ["/home/me/s", { "/home/me/s": socket(0) }, undefined],
    ["/var/s", { "/var/s": socket(0) }, undefined],
    ["/tmp/s", { "/tmp/s": socket(1000) }, undefined],
    ["/tmp/s", {}, "others can write the directory /tmp"],
    ["/tmp/s", { "/tmp/s": socket(1001) }, "it belongs to user 1001"],
    ["/home/me/s", { "/home/me/s": { uid: 1000, kind: "other", mode: 0o600 } }, "it is not a socket"],
    ["/home/me/s", { "/home/me/s": { uid: 1000, kind: "link", mode: 0o777 } }, "it is not a socket"],
    ["/home/you/s", { "/home/you/s": socket(1000) }, "the directory /home/you belongs to user 1001"],
    ["/shared/s", { "/shared/s": socket(1000) }, "others can write the directory /shared"],
    ["/shared/d/s", { "/shared/d": directory(1000, 0o700) }, "others can write the directory /shared"],
    ["/link/s", {}, "/link is a symbolic link"],
    ["/gone/s", {}, "the directory /gone is missing"],
    ["s", {}, "its path is not absolute"],
  ] as const)("of %s with %j is %j", (path, files, expected) => {
    const facts: Readonly<Record<string, FileFacts>> = { ...base, ...files };
    expect(socketDefect(path, { uid: 1000, look: (name) => facts[name] })).toBe(expected);
  });
});

test("a daemon on a socket of ours is ours wherever it keeps its state", () => {
  const own = { socket: "/s", stateDirs: "any" } as const;
  expect(isDaemonOn(own, ["tailscaled", "--socket=/s", "--statedir=/elsewhere"])).toBe(true);
  expect(isDaemonOn(own, ["tailscale", "--socket=/s", "status"])).toBe(false);
});
