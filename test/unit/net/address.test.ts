import { expect, test } from "vitest";
import { isInRanges, isLoopbackAddress, isPublicAddress, isTailnetAddress } from "../../../src/net/address.ts";

test.each([
  ["100.64.0.1", "tailnet"],
  ["100.127.255.255", "tailnet"],
  ["100.128.0.1", "public"],
  ["100.63.255.255", "public"],
  ["fd7a:115c:a1e0::1", "tailnet"],
  ["[fd7a:115c:a1e0:ab12::1]", "tailnet"],
  ["fd7a:115c:a1e1::1", "special"],
  ["::ffff:100.64.0.1", "tailnet"],
  ["::ffff:6440:1", "tailnet"],
  ["64:ff9b::100.100.100.100", "tailnet"],
  ["127.0.0.1", "loopback"],
  ["::ffff:127.0.0.1", "loopback"],
  ["::127.0.0.1", "loopback"],
  ["::1", "loopback"],
  ["0.0.0.0", "special"],
  ["::", "special"],
  ["10.1.2.3", "special"],
  ["172.31.0.1", "special"],
  ["172.32.0.1", "public"],
  ["192.168.1.1", "special"],
  ["169.254.169.254", "special"],
  ["fe80::1%eth0", "special"],
  ["fc00::1", "special"],
  ["255.255.255.255", "special"],
  ["1.1.1.1", "public"],
  ["::ffff:8.8.8.8", "public"],
  ["2606:4700:4700::1111", "public"],
  ["node.ts.net", "special"],
  ["", "special"],
])("%s is %s", (address, kind) => {
  expect({
    tailnet: isTailnetAddress(address),
    loopback: isLoopbackAddress(address),
    public: isPublicAddress(address),
  }).toEqual({ tailnet: kind === "tailnet", loopback: kind === "loopback", public: kind === "public" });
});

test("a malformed range holds no address", () => {
  expect(isInRanges("10.0.0.1", ["10.0.0.0/", "10.0.0.0/33", "10.0.0.0/x", "nonsense", "::/0"])).toBe(false);
});
