import { expect, test } from "vitest";
import { parseListenAddress } from "../../../src/bootstrap/listen-address.ts";
import { checkNodeSettings } from "../../../src/bootstrap/node-settings.ts";
import { TsmcpError } from "../../../src/core/errors.ts";

test.each([
  ["127.0.0.1:1055", "127.0.0.1", 1055],
  ["localhost:0", "127.0.0.1", 0],
  ["LOCALHOST:80", "127.0.0.1", 80],
  ["1055", "127.0.0.1", 1055],
  ["[::1]:1055", "::1", 1055],
  ["127.8.9.255:65535", "127.8.9.255", 65_535],
  ["http://127.0.0.1:1055", "127.0.0.1", 1055],
  ["socks5h://localhost:1055/", "127.0.0.1", 1055],
])("parseListenAddress takes %s", (text, host, port) => {
  expect(parseListenAddress(text, "--proxy")).toEqual({ host, port });
});

test.each([
  ["", "is not an address to listen on"],
  ["127.0.0.1", "is not an address to listen on"],
  ["127.0.0.1:65536", "is not an address to listen on"],
  ["127.0.0.1:1055 ", "is not an address to listen on"],
  ["127.0.0.1:1\n055", "is not an address to listen on"],
  ["http://user:pass@127.0.0.1:1055", "is not an address to listen on"],
  ["http://127.0.0.1:1055/path", "is not an address to listen on"],
  ["$(id):1", "is not an address to listen on"],
  ["0.0.0.0:1055", "could be reached from other machines"],
  ["[::]:1055", "could be reached from other machines"],
  ["127.0.0.256:1", "could be reached from other machines"],
  ["127.evil.example:1", "could be reached from other machines"],
  ["10.0.0.1:1055", "could be reached from other machines"],
])("parseListenAddress refuses %j", (text, reason) => {
  expect(() => parseListenAddress(text, "--proxy")).toThrow(TsmcpError);
  expect(() => parseListenAddress(text, "--proxy")).toThrow(`--proxy: ${JSON.stringify(text)} ${reason}`);
});

const settings = {
  loginServer: undefined,
  hostname: undefined,
  advertiseTags: [],
  acceptRoutes: false,
  shieldsUp: true,
};

test("checkNodeSettings returns settings as tailscale stores them", () => {
  const given = {
    ...settings,
    hostname: "Vm-1",
    advertiseTags: ["eng", "tag:a-1"],
    loginServer: "http://127.0.0.1:5/",
  };
  expect(checkNodeSettings(given)).toEqual({
    ...settings,
    hostname: "Vm-1",
    advertiseTags: ["tag:eng", "tag:a-1"],
    loginServer: "http://127.0.0.1:5",
  });
});

test.each([
  [{ hostname: "" }, '--hostname: "" is not a host name'],
  [{ hostname: "a_b" }, '--hostname: "a_b" is not a host name'],
  [{ hostname: "-a" }, '--hostname: "-a" is not a host name'],
  [{ hostname: "a".repeat(64) }, "is not a host name"],
  [{ hostname: "a\nb" }, '--hostname: "a\\nb" is not a host name'],
  [{ hostname: "$(touch x)" }, '--hostname: "$(touch x)" is not a host name'],
  [{ advertiseTags: ["tag:"] }, '--advertise-tags: "tag:" is not a tag'],
  [{ advertiseTags: ["tag:a b"] }, '--advertise-tags: "tag:a b" is not a tag'],
  [{ advertiseTags: ["tag:1"] }, '--advertise-tags: "tag:1" is not a tag'],
  [{ advertiseTags: ["other:a"] }, '--advertise-tags: "other:a" is not a tag'],
  [{ loginServer: "file:///etc/passwd" }, "is not a URL"],
  [{ loginServer: "https://u:p@host" }, "is not a URL"],
  [{ loginServer: "https://ho st" }, "is not a URL"],
  [{ loginServer: "--reset" }, '--login-server: "--reset" is not a URL'],
])("checkNodeSettings refuses %j", (given, message) => {
  expect(() => checkNodeSettings({ ...settings, ...given })).toThrow(message);
});
