import { expect, test } from "vitest";
import { waysTo } from "../../../src/gateway/exposure-watch.ts";

const unix = "unix:/run/tsmcp/private.sock";
const web = (port: number, target: string, mount = "/") => ({
  Web: { [`n.ts.net:${port}`]: { Handlers: { [mount]: { Proxy: target } } } },
});

const tcp = (port: number, target: string) => ({ TCP: { [String(port)]: { TCPForward: target } } });
const node = `node 8443 https / ${unix} false`;

test.for([
  ["at one port, another target beside it", { Web: { ...web(8443, unix).Web, ...web(443, "unix:/q").Web } }, [node]],
  ["in the foreground of a terminal", { Foreground: { one: web(8443, unix) } }, [node]],
  ["with a slash more", web(8443, `${unix}/`), [`node 8443 https / ${unix}/ false`]],
  [
    "at two ports",
    { Web: { ...web(8443, unix).Web, ...web(443, unix).Web } },
    [`node 443 https / ${unix} false`, node],
  ],
  ["at a path", web(8443, unix, "/mcp"), [`node 8443 https /mcp ${unix} false`]],
  [
    "to the internet",
    { ...web(8443, unix), AllowFunnel: { "n.ts.net:8443": true } },
    [`node 8443 https / ${unix} true`],
  ],
  ["byte by byte", tcp(8443, unix), [`node 8443 tcp / ${unix} false`]],
  ["by a Service", { Services: { "svc:notes": web(8443, unix) } }, [`svc:notes 8443 https / ${unix} false`]],
  [
    "by two Services, one of which takes bytes",
    { Services: { "svc:notes": web(8443, unix), "svc:raw": tcp(22, unix) } },
    [`svc:notes 8443 https / ${unix} false`, `svc:raw 22 tcp / ${unix} false`],
  ],
  [
    "by a Service at a port of Funnel, which is the node's",
    { Services: { "svc:notes": web(443, unix) }, AllowFunnel: { "n.ts.net:443": true } },
    [`svc:notes 443 https / ${unix} false`],
  ],
  ["to another target", web(8443, "http://127.0.0.1:1"), []],
  ["nowhere", {}, []],
  ["nowhere, said as null", null, []],
] as const)("waysTo tells a target that is served %s", ([, config, expected]) => {
  expect(waysTo(unix, JSON.stringify(config))?.toSorted()).toEqual(expected);
});

test("waysTo says nothing of what is no Serve configuration", () => {
  expect(waysTo(unix, "busy")).toBeUndefined();
});

test.for([
  ["http://127.0.0.1:4000/SECRET/mcp", "node 8443 https /mcp http://127.0.0.1:4000/SECRET/mcp false"],
  ["http://localhost:4000", "node 8443 https /mcp http://localhost:4000 false"],
] as const)("waysTo knows a port of loopback by whatever path and name: %s", ([target, way]) => {
  expect(waysTo("http://127.0.0.1:4000/SECRET", JSON.stringify(web(8443, target, "/mcp")))).toEqual([way]);
});
