import { expect, test } from "vitest";
import { serveArguments, serveOffArguments } from "../../../src/tailscale/serve-arguments.ts";
import { parseServeState } from "../../../src/tailscale/serve-state.ts";

const web = (port: number, mounts: Readonly<Record<string, object>>) => ({
  TCP: { [port]: { HTTPS: true } },
  Web: { [`node.tail.ts.net:${port}`]: { Handlers: mounts } },
});

test("parseServeState reads what stays, what runs in the foreground, and Services", () => {
  const state = parseServeState(
    JSON.stringify({
      ...web(443, { "/": { Proxy: "http://127.0.0.1:1", AcceptAppCaps: ["example.com/cap/a"] }, "/t": { Text: "t" } }),
      AllowFunnel: { "node.tail.ts.net:443": true, "node.tail.ts.net:8443": false },
      Foreground: {
        a1: { ...web(8443, { "/": { Proxy: "unix:/s" } }), AllowFunnel: { "node.tail.ts.net:10000": true } },
      },
      Services: { "svc:notes": web(8443, { "/": { Proxy: "unix:/n" } }) },
    }),
  );
  const own = { service: undefined, kind: "https", acceptedCapabilities: [] };
  expect(state?.funnelPorts).toEqual([443, 10000]);
  expect(state?.handlers).toEqual([
    {
      ...own,
      port: 443,
      isForeground: false,
      mount: "/",
      target: "http://127.0.0.1:1",
      acceptedCapabilities: ["example.com/cap/a"],
    },
    { ...own, port: 443, isForeground: false, mount: "/t", target: undefined },
    { ...own, port: 8443, isForeground: true, mount: "/", target: "unix:/s" },
    { ...own, port: 8443, isForeground: false, mount: "/", target: "unix:/n", service: "svc:notes" },
  ]);
  expect(state?.listeners.map(({ port, service }) => [port, service])).toEqual([
    [443, undefined],
    [8443, undefined],
    [8443, "svc:notes"],
  ]);
});

test.each([
  [{ TCP: { "443": { TCPForward: "127.0.0.1:22" } } }, "tcp", "127.0.0.1:22"],
  [
    { TCP: { "80": { HTTP: true } }, Web: { "n:80": { Handlers: { "/": { Proxy: "http://a" } } } } },
    "http",
    "http://a",
  ],
])("parseServeState tells the kind of a port: %j", (config, kind, target) => {
  expect(parseServeState(JSON.stringify(config))?.handlers).toMatchObject([{ kind, target, mount: "/" }]);
});

test.each([
  ["null", 0],
  ["{}", 0],
  ["[]", undefined],
  ["nonsense", undefined],
  ['{"Web":{"n":{"Handlers":{"/":{}}}},"TCP":{"x":{}}}', 0],
])("parseServeState takes %j for %j handlers", (text, count) => {
  expect(parseServeState(text)?.handlers.length).toBe(count);
});

const change = { verb: "serve", port: 8443, mount: "/", service: undefined, capabilities: [] } as const;

test.each([
  [change, false, "--socket=/s serve --yes --https=8443 --set-path=/ unix:/p"],
  [
    { ...change, verb: "funnel", port: 443 } as const,
    true,
    "--socket=/s funnel --bg --yes --https=443 --set-path=/ unix:/p",
  ],
  [
    { ...change, capabilities: ["a/b", "c/d"] },
    true,
    "--socket=/s serve --bg --yes --https=8443 --set-path=/ --accept-app-caps=a/b,c/d unix:/p",
  ],
  [
    { ...change, service: "svc:n" },
    true,
    "--socket=/s serve --bg --yes --service=svc:n --https=8443 --set-path=/ unix:/p",
  ],
])("serveArguments of %j (background: %j)", (planned, background, words) => {
  expect(serveArguments(planned, { socket: "/s", target: "unix:/p", background }).join(" ")).toBe(words);
});

test("serveOffArguments name the path, so that nothing else of the port goes", () => {
  expect(serveOffArguments({ port: 443, mount: "/mcp", service: undefined }, { socket: "/s" })).toEqual([
    "--socket=/s",
    "serve",
    "--yes",
    "--https=443",
    "--set-path=/mcp",
    "off",
  ]);
});
