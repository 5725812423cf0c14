import { expect, test } from "vitest";
import { listenPlan, targetOf } from "../../../src/gateway/listen-plan.ts";

const facts = { directory: "/home/u/.local/state/tsmcp/gateway", uid: 0, version: { major: 1, minor: 102, patch: 5 } };
const old = { major: 1, minor: 92, patch: 0 };

test.each([
  ["sockets, where serve takes them", {}, facts, "unix:/home/u/.local/state/tsmcp/gateway/private.sock"],
  ["loopback, where tailscaled is too old", {}, { ...facts, version: old }, "http://127.0.0.1:8480/secret"],
  ["loopback, for users who may not serve sockets", {}, { ...facts, uid: 1_000 }, "http://127.0.0.1:8480/secret"],
  [
    "loopback, where a path is too long",
    {},
    { ...facts, directory: `/${"x".repeat(100)}` },
    "http://127.0.0.1:8480/secret",
  ],
  ["what is configured", { private: "[::1]:9000" }, facts, "http://[::1]:9000/secret"],
  ["a socket that is configured", { private: "unix:/run/x.sock" }, { ...facts, uid: 1_000 }, "unix:/run/x.sock"],
])("the private listener is on %s", (_what, listen, known, target) => {
  const plan = listenPlan(listen, known);
  if (plan.kind !== "two") throw new Error("one listener");
  expect(targetOf(plan.private, "/secret")).toBe(target);
});

test.each([
  [{ private: "0.0.0.0:9000" }],
  [{ private: "100.64.0.1:9000" }],
  [{ public: "example.com:9000" }],
  [{ admin: "127.0.0.1:70000" }],
  [{ private: "unix:relative.sock" }],
  [{ private: `unix:/${"x".repeat(120)}` }],
  [{ single: "127.0.0.1:9000", private: "127.0.0.1:9001" }],
])("%j is refused", (listen) => {
  expect(() => listenPlan(listen, facts)).toThrow(expect.objectContaining({ code: "config-invalid" }));
});
