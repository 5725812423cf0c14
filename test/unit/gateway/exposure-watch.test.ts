import { expect, test } from "vitest";
import { waysTo } from "../../../src/gateway/exposure-watch.ts";

const unix = "unix:/run/tsmcp/private.sock";
const web = (port: number, target: string, mount = "/") => ({
  Web: { [`n.ts.net:${port}`]: { Handlers: { [mount]: { Proxy: target } } } },
});

test.for([
  [
    "at one port, another target beside it",
    { Web: { ...web(8443, unix).Web, ...web(443, "unix:/q").Web } },
    ["8443 web / false"],
  ],
  ["in the foreground of a terminal", { Foreground: { one: web(8443, unix) } }, ["8443 web / false"]],
  ["with a slash more", web(8443, `${unix}/`), ["8443 web / false"]],
  ["at two ports", { Web: { ...web(8443, unix).Web, ...web(443, unix).Web } }, ["443 web / false", "8443 web / false"]],
  ["at a path", web(8443, unix, "/mcp"), ["8443 web /mcp false"]],
  ["to the internet", { ...web(8443, unix), AllowFunnel: { "n.ts.net:8443": true } }, ["8443 web / true"]],
  ["to another target", web(8443, "http://127.0.0.1:1"), []],
  ["nowhere", {}, []],
  ["nowhere, said as null", null, []],
] as const)("waysTo tells a target that is served %s", ([, config, expected]) => {
  expect(waysTo(unix, JSON.stringify(config))?.toSorted()).toEqual(expected);
});

test("waysTo says nothing of what is no Serve configuration", () => {
  expect(waysTo(unix, "busy")).toBeUndefined();
});
