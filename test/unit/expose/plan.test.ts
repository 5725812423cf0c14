import { describe, expect, test } from "vitest";
import type { ExposeFacts } from "../../../src/expose/facts.ts";
import { planExposure } from "../../../src/expose/plan.ts";
import { isServed, placeView, withoutOwn, wrongWayToPrivate } from "../../../src/expose/ports.ts";
import { refusalText } from "../../../src/expose/refusal.ts";
import type { ExposeRequest } from "../../../src/expose/request.ts";
import { parseServeState, type ServeState } from "../../../src/tailscale/serve-state.ts";
import type { NodeSelf, NodeStatus } from "../../../src/tailscale/status.ts";

const v = (major: number, minor: number, patch: number) => ({ major, minor, patch });
const self: NodeSelf = {
  dnsName: "server.tail.ts.net",
  hostName: "server",
  ips: ["100.64.0.1"],
  tags: ["tag:server"],
  online: true,
  expired: false,
  peerApiUrls: [],
  capabilities: ["https", "funnel", "https://tailscale.com/cap/funnel-ports?ports=443,8443,10000"],
};
const status: NodeStatus = {
  version: "1.102.5",
  backendState: "Running",
  authUrl: "",
  self,
  health: [],
  magicDnsSuffix: "tail.ts.net",
  usesTun: true,
};
const facts: ExposeFacts = {
  cli: { path: "/usr/bin/tailscale", version: v(1, 102, 5) },
  status,
  version: v(1, 102, 5),
  shieldsUp: false,
  services: [],
  user: { uid: 0, name: "root", daemonUid: 0, operator: undefined, maySudo: false },
  serve: { listeners: [], handlers: [], funnelPorts: [] },
  grants: undefined,
};
const request: ExposeRequest = {
  socket: "/run/tailscaled.sock",
  funnel: true,
  service: undefined,
  background: false,
  waitMs: 1,
  capability: undefined,
  listen: {},
  paths: ["/mcp/notes"],
  directory: "/home/state",
  fingerprint: "",
};
const none = facts.serve;

/** A configuration as tailscaled has it. */
function serving(
  ports: Readonly<Record<number, Readonly<Record<string, string>>>>,
  funnel: readonly number[] = [],
): ServeState {
  const state = parseServeState(
    JSON.stringify({
      TCP: Object.fromEntries(Object.keys(ports).map((port) => [port, { HTTPS: true }])),
      Web: Object.fromEntries(
        Object.entries(ports).map(([port, mounts]) => [
          `n:${port}`,
          { Handlers: Object.fromEntries(Object.entries(mounts).map(([path, target]) => [path, { Proxy: target }])) },
        ]),
      ),
      AllowFunnel: Object.fromEntries(funnel.map((port) => [`n:${port}`, true])),
    }),
  );
  if (state === undefined) throw new Error("no configuration");
  return state;
}

describe("what the node lacks", () => {
  const lacks = (changes: Partial<ExposeFacts>, asked: Partial<ExposeRequest> = {}) => {
    const plan = planExposure({ ...facts, ...changes }, { ...request, ...asked }, none);
    return plan.kind === "refused" ? plan.refusals.map(({ id }) => id) : [];
  };
  const without = (...names: string[]): Partial<ExposeFacts> => ({
    status: {
      ...status,
      self: { ...self, capabilities: self.capabilities.filter((one) => !names.some((name) => one.startsWith(name))) },
    },
  });

  test.each<[string, Partial<ExposeFacts>, Partial<ExposeRequest>, string[]]>([
    ["nothing", {}, {}, []],
    ["a login", { status: { ...status, backendState: "NeedsLogin" } }, {}, ["node.state"]],
    ["HTTPS", without("https"), { funnel: false }, ["tailnet.https"]],
    ["Funnel", without("funnel"), {}, ["tailnet.funnel"]],
    ["Funnel, which is not asked for", without("funnel"), { funnel: false }, []],
    ["port 443 for Funnel", without("https://"), {}, ["tailnet.funnel-port"]],
    ["MagicDNS", { status: { ...status, isMagicDnsOff: true } }, {}, ["tailnet.magic-dns"]],
    ["an open shield", { shieldsUp: true }, {}, ["node.shields-up"]],
    ["a program", { cli: undefined }, {}, ["program.missing"]],
    ["a program that knows --bg", { cli: { path: "/t", version: v(1, 50, 0) } }, {}, ["program.outdated"]],
    ["rights", { user: { ...facts.user, uid: 1000, name: "eve" } }, {}, ["user.rights"]],
    [
      "a tag for a Service",
      { status: { ...status, self: { ...self, tags: [] } } },
      { service: "svc:n", funnel: false },
      ["node.untagged"],
    ],
  ])("%s", (_what, changes, asked, ids) => {
    expect(lacks(changes, asked)).toEqual(ids);
  });

  test.each([
    ["1.98.9", v(1, 98, 9), false],
    ["1.98.10", v(1, 98, 10), true],
    ["1.99.5", v(1, 99, 5), false],
    ["1.100.0", v(1, 100, 0), false],
    ["1.100.1", v(1, 100, 1), true],
    ["1.90.9", v(1, 90, 9), false],
    ["an unknown version", undefined, false],
  ])("tailscaled %s may have Funnel: %j", (_name, version, may) => {
    expect(lacks({ version })).toEqual(may ? [] : ["version.funnel"]);
    expect(lacks({ version }, { funnel: false })).toEqual([]);
  });

  test("everything at once is told with the lines that mend it", () => {
    const bare = { ...status, isMagicDnsOff: true as const, self: { ...self, capabilities: [] } };
    const plan = planExposure({ ...facts, shieldsUp: true, status: bare, version: v(1, 90, 9) }, request, none);
    expect(plan.kind === "refused" ? refusalText(plan.refusals) : "").toMatchSnapshot();
  });
});

describe("what the gateway listens on", () => {
  const backend = (changes: Partial<ExposeFacts>, asked: Partial<ExposeRequest> = {}, serve = none) => {
    const plan = planExposure({ ...facts, ...changes }, { ...request, ...asked }, serve);
    return plan.kind === "planned" ? [plan.backend.kind, plan.listen.private, plan.listen.public] : plan.refusals;
  };
  const sockets = ["sockets", "unix:/home/state/private.sock", "unix:/home/state/public.sock"];
  const loopback = ["loopback", "127.0.0.1:0", "127.0.0.1:0"];
  const operator = { uid: 1000, name: "ann", daemonUid: 0, operator: "ann" };

  test.each<[string, Partial<ExposeFacts>, Partial<ExposeRequest>, readonly string[]]>([
    ["root", {}, {}, sockets],
    ["an operator who may sudo", { user: { ...operator, maySudo: true } }, {}, sockets],
    ["an operator who may not", { user: { ...operator, maySudo: false } }, {}, loopback],
    [
      "the user of a tailscaled of his own",
      { user: { ...operator, operator: undefined, daemonUid: 1000, maySudo: false } },
      {},
      loopback,
    ],
    ["root beside somebody's tailscaled", { user: { ...facts.user, daemonUid: 7 } }, {}, loopback],
    ["an older tailscaled", { version: v(1, 93, 0) }, { funnel: false }, loopback],
    ["an older program", { cli: { path: "/t", version: v(1, 90, 0) } }, {}, loopback],
    ["a long directory", {}, { directory: `/${"d".repeat(110)}` }, loopback],
    ["a configuration", {}, { listen: { private: "unix:/a", public: "unix:/b" } }, ["sockets", "unix:/a", "unix:/b"]],
  ])("for %s", (_who, changes, asked, expected) => {
    expect(backend(changes, asked)).toEqual(expected);
  });

  test("beside others' handlers it is loopback, because a socket cannot repeat the path", () => {
    const serve = serving({ 8443: { "/app": "http://127.0.0.1:1" } });
    expect(backend({}, { listen: { private: "unix:/a", public: "unix:/b" } }, serve)).toEqual(loopback);
  });
});

describe("the handlers", () => {
  const handlers = (asked: Partial<ExposeRequest>, serve = none) => {
    const plan = planExposure(facts, { ...request, ...asked }, serve);
    return plan.kind === "planned"
      ? plan.handlers.map(({ verb, port, mount, background, capabilities }) => [
          verb,
          port,
          mount,
          background,
          capabilities,
        ])
      : [];
  };

  test.each<[string, Partial<ExposeRequest>, ServeState, unknown]>([
    [
      "both views",
      {},
      none,
      [
        ["serve", 8443, "/", false, []],
        ["funnel", 443, "/", false, []],
      ],
    ],
    ["no Funnel", { funnel: false }, none, [["serve", 8443, "/", false, []]]],
    ["a capability", { funnel: false, capability: "e.com/c" }, none, [["serve", 8443, "/", false, ["e.com/c"]]]],
    [
      "a capability beside others, whose lists it would get mixed up with",
      { funnel: false, capability: "e.com/c" },
      serving({ 8443: { "/app": "3000" } }),
      [["serve", 8443, "/mcp", true, []]],
    ],
    [
      "a Service, which knows no foreground",
      { funnel: false, service: "svc:n" },
      none,
      [["serve", 8443, "/", true, []]],
    ],
    ["in the background", { funnel: false, background: true }, none, [["serve", 8443, "/", true, []]]],
  ])("for %s", (_what, asked, serve, expected) => {
    expect(handlers(asked, serve)).toEqual(expected);
  });
});

describe("a grant that nobody has", () => {
  const notes = (grants: ExposeFacts["grants"]) => {
    const plan = planExposure({ ...facts, grants }, request, none);
    return plan.kind === "planned" ? plan.notes : [];
  };

  test("is a note with the line for the policy, and no more than that: who is to have it may join later", () => {
    expect(notes({ capability: "example.com/cap/mcp", peers: 3, holders: 0 })).toMatchSnapshot();
  });

  test("is none where somebody has it, or none is gone by", () => {
    expect(notes({ capability: "example.com/cap/mcp", peers: 3, holders: 1 })).toEqual([]);
    expect(notes(undefined)).toEqual([]);
  });
});

describe("a view among others' handlers", () => {
  const place = (state: ServeState, side: "tailnet" | "public", paths = ["/mcp/notes"]) => {
    const placed = placeView(state, { side, service: undefined, paths });
    return placed.kind === "placed" ? placed.mount : placed.refusals.map(({ id }) => id);
  };

  test.each<[string, ServeState, "tailnet" | "public", unknown]>([
    ["an empty port", none, "tailnet", "/"],
    ["another port", serving({ 10000: { "/": "1" } }, [10000]), "public", "/"],
    ["theirs at /", serving({ 8443: { "/": "1" } }), "tailnet", "/mcp"],
    ["theirs beside /mcp", serving({ 8443: { "/mcpx": "1", "/app/": "2" } }), "tailnet", "/mcp"],
    ["theirs at /mcp", serving({ 8443: { "/mcp": "1" } }), "tailnet", ["serve.path-taken"]],
    ["theirs at /mcp/", serving({ 8443: { "/mcp/": "1" } }), "tailnet", ["serve.path-taken"]],
    ["theirs at an upstream's path", serving({ 8443: { "/mcp/notes": "1" } }), "tailnet", ["serve.path-taken"]],
    ["theirs below an upstream's path", serving({ 8443: { "/mcp/notes/x": "1" } }), "tailnet", "/mcp"],
    ["theirs on Funnel", serving({ 8443: { "/": "1" } }, [8443]), "tailnet", ["serve.funnel-on"]],
    ["Funnel without a handler", serving({}, [8443]), "tailnet", ["serve.funnel-on"]],
    ["theirs on 443, on Funnel", serving({ 443: { "/": "1" } }, [443]), "public", "/mcp"],
    ["theirs on 443, not on Funnel", serving({ 443: { "/": "1" } }), "public", ["serve.others-on-port"]],
    ["Funnel on 443 without a handler", serving({}, [443]), "public", "/"],
  ])("%s", (_what, state, side, expected) => {
    expect(place(state, side)).toEqual(expected);
  });

  test.each([
    [{ TCP: { 443: { TCPForward: "127.0.0.1:22" } }, AllowFunnel: { "n:443": true } }, ["serve.port-taken"]],
    [{ TCP: { 443: { HTTP: true } }, AllowFunnel: { "n:443": true } }, ["serve.port-taken"]],
    [{ Foreground: { a: { TCP: { 443: { HTTPS: true } }, AllowFunnel: { "n:443": true } } } }, ["serve.port-taken"]],
  ])("a port that cannot be shared: %j", (config, expected) => {
    expect(place(parseServeState(JSON.stringify(config)) ?? none, "public")).toEqual(expected);
  });
});

describe("what is ours", () => {
  const own = { service: undefined, port: 443, mount: "/", target: "unix:/p" };

  test("is left out, with the Funnel of its port when nothing else is there", () => {
    const state = serving({ 443: { "/": "unix:/p" }, 8443: { "/": "unix:/q" } }, [443]);
    expect(withoutOwn(state, [own])).toEqual(serving({ 8443: { "/": "unix:/q" } }));
    const shared = serving({ 443: { "/": "unix:/p", "/app": "1" } }, [443]);
    expect(withoutOwn(shared, [own])).toEqual(serving({ 443: { "/app": "1" } }, [443]));
  });

  test("is nothing else's: another target at the same place stays", () => {
    const state = serving({ 443: { "/": "unix:/other" } }, [443]);
    expect(withoutOwn(state, [own])).toEqual(state);
  });

  test("is served only as it is to be", () => {
    expect(isServed(serving({ 443: { "/": "unix:/p" } }, [443]), own, { isFunnel: true })).toBe(true);
    expect(isServed(serving({ 443: { "/": "unix:/p" } }), own, { isFunnel: true })).toBe(false);
    expect(isServed(serving({ 443: { "/": "unix:/p" } }, [443]), own, { isFunnel: false })).toBe(false);
    expect(isServed(serving({ 443: { "/": "unix:/o" } }, [443]), own, { isFunnel: true })).toBe(false);
  });

  test.each<[string, ServeState, string, number | undefined]>([
    ["at another port of Funnel", serving({ 10000: { "/": "unix:/private" } }, [10000]), "unix:/private", 10000],
    [
      "by another path",
      serving({ 443: { "/x": "http://localhost:81/other" } }, [443]),
      "http://127.0.0.1:81/secret",
      443,
    ],
    ["not on Funnel", serving({ 8443: { "/": "unix:/private" } }), "unix:/private", undefined],
    ["another socket", serving({ 443: { "/": "unix:/public" } }, [443]), "unix:/private", undefined],
  ])("the private listener %s", (_what, state, target, port) => {
    expect(wrongWayToPrivate(state, { privateTarget: target, service: undefined })?.what).toEqual(
      port === undefined ? undefined : expect.stringContaining(`Funnel on port ${port} leads to the private listener`),
    );
  });

  const sock = "unix:/run/private.sock";
  const web = (host: string, port: number) => ({ [`${host}:${port}`]: { Handlers: { "/": { Proxy: sock } } } });
  const https = (port: number) => ({ [port]: { HTTPS: true } });
  const node = { TCP: https(8443), Web: web("n", 8443) };
  const notes = { "svc:notes": { TCP: https(8443), Web: web("notes", 8443) } };
  const raw = { "2222": { TCPForward: sock } };
  test.each<[string, object, string | undefined, string | undefined]>([
    ["the node's own port", node, undefined, undefined],
    ["the Service's own port", { Services: notes }, "svc:notes", undefined],
    ["a Service beside the node's", { ...node, Services: notes }, undefined, "port 8443 of svc:notes"],
    ["the node's beside a Service", { ...node, Services: notes }, "svc:notes", "port 8443 of this node"],
    ["raw TCP of the node", { TCP: { ...https(8443), ...raw }, Web: node.Web }, undefined, "as raw TCP"],
    ["raw TCP of the Service", { Services: { "svc:notes": { TCP: raw } } }, "svc:notes", "as raw TCP"],
  ])("judges %s that leads to the private listener", (_what, config, service, says) => {
    const state = parseServeState(JSON.stringify(config)) ?? none;
    const found = wrongWayToPrivate(state, { privateTarget: sock, service });
    expect(found?.what).toEqual(says === undefined ? undefined : expect.stringContaining(says));
  });

  test.each<[string, object, string]>([
    ["HTTPS", { TCP: https(8443), Web: web("n", 8443) }, "tailscale serve --https=8443 --set-path=/ off"],
    ["HTTP", { TCP: { 80: { HTTP: true } }, Web: web("n", 80) }, "tailscale serve --http=80 --set-path=/ off"],
    ["raw TCP", { TCP: raw }, "tailscale serve --tcp=2222 off"],
    [
      "a Service",
      { Services: { "svc:wiki": { TCP: https(443), Web: web("wiki", 443) } } },
      "tailscale serve --service=svc:wiki --https=443 --set-path=/ off",
    ],
    [
      "what runs in the foreground, which no command takes away",
      { Foreground: { a: { TCP: https(443), Web: web("n", 443) } } },
      'end the "tailscale serve" or "funnel" that has port 443 in some terminal',
    ],
  ])("is told how to take away %s that leads to the private listener", (_what, config, line) => {
    const state = parseServeState(JSON.stringify(config)) ?? none;
    expect(wrongWayToPrivate(state, { privateTarget: sock, service: "svc:notes" })?.lines).toEqual([line]);
  });
});
