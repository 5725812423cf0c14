import { expect, test } from "vitest";
import { describeProxy, parseProxyUrl, proxyFromEnvironment } from "../../../src/net/proxy.ts";

test.each([
  ["http://127.0.0.1:1055", "http://127.0.0.1:1055"],
  ["127.0.0.1:1055", "http://127.0.0.1:1055"],
  ["HTTP://proxy.example:80/", "http://proxy.example:80"],
  ["http://proxy.example", "http://proxy.example:1080"],
  ["https://proxy.example", "https://proxy.example:443"],
  ["socks://h:1", "socks5h://h:1"],
  ["socks5://h:1", "socks5h://h:1"],
  ["socks5h://h", "socks5h://h:1080"],
  ["socks4a://[::1]:9", "socks4a://[::1]:9"],
  ["http://user:secret@h:2", "http://h:2"],
])("%s is the proxy %s", (text, shown) => {
  expect(describeProxy(parseProxyUrl(text, "--proxy"))).toBe(shown);
});

test("user and password are decoded and the password does not print", () => {
  const proxy = parseProxyUrl("socks5h://me%40home:p%3Aw%2F@h:1", "ALL_PROXY");
  expect(proxy.username).toBe("me@home");
  expect(proxy.password?.reveal()).toBe("p:w/");
  expect(JSON.stringify(proxy)).not.toContain("p:w");
});

test.each(["ftp://h:1", "http://", "http://h:0", "http://h:99999", "http://h:1/path", "http://u:pass%ZZ@h:1", "a b:1"])(
  "%s is refused, and no password is shown",
  (text) => {
    let message = "";
    try {
      parseProxyUrl(text, "TSMCP_PROXY");
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain("TSMCP_PROXY");
    expect(message).not.toContain("pass");
  },
);

const https = { host: "node.tail.ts.net", port: 8443, tls: true };
const http = { host: "node.tail.ts.net", port: 80, tls: false };

test.each([
  [{}, https, undefined],
  [{ https_proxy: "http://a:1", HTTPS_PROXY: "http://b:1", ALL_PROXY: "http://c:1" }, https, "http://a:1"],
  [{ HTTPS_PROXY: "http://b:1", all_proxy: "http://c:1" }, https, "http://b:1"],
  [{ https_proxy: "", ALL_PROXY: "socks5://c:1" }, https, "socks5h://c:1"],
  [{ all_proxy: "http://c:1", ALL_PROXY: "http://d:1" }, http, "http://c:1"],
  [{ http_proxy: "http://a:1" }, http, "http://a:1"],
  [{ http_proxy: "http://a:1" }, https, undefined],
  [{ HTTP_PROXY: "http://a:1" }, http, undefined],
  [{ HTTPS_PROXY: "http://a:1", NO_PROXY: "*" }, https, undefined],
  [{ HTTPS_PROXY: "http://a:1", NO_PROXY: "ts.net" }, https, undefined],
  [{ HTTPS_PROXY: "http://a:1", NO_PROXY: ".ts.net" }, https, undefined],
  [{ HTTPS_PROXY: "http://a:1", NO_PROXY: "*.ts.net" }, https, undefined],
  [{ HTTPS_PROXY: "http://a:1", NO_PROXY: "s.net, other" }, https, "http://a:1"],
  [{ HTTPS_PROXY: "http://a:1", NO_PROXY: "ts.net:8443" }, https, undefined],
  [{ HTTPS_PROXY: "http://a:1", NO_PROXY: "ts.net:443" }, https, "http://a:1"],
  [{ HTTPS_PROXY: "http://a:1", NO_PROXY: "NODE.tail.TS.net." }, https, undefined],
  [{ HTTPS_PROXY: "http://a:1", no_proxy: "x", NO_PROXY: "ts.net" }, https, "http://a:1"],
  [{ HTTPS_PROXY: "http://a:1", NO_PROXY: "10.0.0.0/8 x" }, { ...https, host: "10.9.8.7" }, undefined],
  [{ HTTPS_PROXY: "http://a:1", NO_PROXY: "10.0.0.0/8" }, { ...https, host: "11.9.8.7" }, "http://a:1"],
  [{ HTTPS_PROXY: "http://a:1", NO_PROXY: "10.0.0.0/99" }, { ...https, host: "10.9.8.7" }, "http://a:1"],
  [{ HTTPS_PROXY: "http://a:1", NO_PROXY: "::1" }, { ...https, host: "::1" }, undefined],
  [{ HTTPS_PROXY: "http://a:1", NO_PROXY: "[fd00::]/8,[::1]:8443" }, { ...https, host: "::1" }, undefined],
  [{ HTTPS_PROXY: "http://a:1", NO_PROXY: "127.0.0.1" }, { ...https, host: "127.0.0.1" }, undefined],
])("%j for %j gives %s", (env, target, shown) => {
  const proxy = proxyFromEnvironment(env, target);
  expect(proxy && describeProxy(proxy)).toBe(shown);
});
