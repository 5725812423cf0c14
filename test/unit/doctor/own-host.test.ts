import { describe, expect, test } from "vitest";
import { judgeBackend, judgeLoopback } from "../../../src/doctor/checks/separation-backend.ts";
import { judgeFunnel } from "../../../src/doctor/checks/separation-funnel.ts";
import { judgeHostVersions } from "../../../src/doctor/checks/separation-host-versions.ts";
import type { ServerHost } from "../../../src/doctor/facts/own-host.ts";
import type { Exposure } from "../../../src/tailscale/serve-config.ts";

const exposure = (port: number, target: string, more: Partial<Exposure> = {}): Exposure => ({
  port,
  target,
  kind: "web",
  mount: "/",
  isFunnel: port === 443,
  ...more,
});

/** What stands at 8443 is the tailnet's. */
function hostWith(exposures: readonly Exposure[], more: Partial<ServerHost> = {}): ServerHost {
  const inside = exposures.filter(({ port }) => port === 8443);
  const base = { kind: "here", host: "n.ts.net", version: "1.102.5", usesTun: false } as const;
  return { ...base, tailnetPort: 8443, publicPorts: [443], exposures, inside, ...more };
}

const bare = exposure(8443, "http://127.0.0.1:1");

describe("the server's own host", () => {
  test.each<[string, readonly Exposure[], string]>([
    ["one port", [bare, exposure(443, "http://localhost:1")], "warn"],
    ["one port, another path", [bare, exposure(443, "http://127.0.0.1:1/public")], "warn"],
    ["one socket", [exposure(8443, "unix:/a"), exposure(443, "unix:/a")], "warn"],
    ["one port, by raw TCP", [bare, exposure(443, "127.0.0.1:1", { kind: "tcp" })], "warn"],
    ["one port for the tailnet alone", [bare, exposure(444, "http://127.0.0.1:1")], "pass"],
    ["two ports", [bare, exposure(443, "http://127.0.0.1:2")], "pass"],
    ["two sockets", [exposure(8443, "unix:/a"), exposure(443, "unix:/b")], "pass"],
    ["a text for the internet", [bare, exposure(443, "x", { target: undefined })], "pass"],
    ["no Funnel", [bare], "pass"],
  ])("judges %s behind both sides", (_, exposures, status) => {
    expect(judgeBackend(hostWith(exposures)).status).toBe(status);
  });

  test.each<[string, ServerHost, string]>([
    ["a bare port", hostWith([bare]), "warn"],
    ["a short path", hostWith([exposure(8443, "http://127.0.0.1:1/mcp")]), "warn"],
    ["a secret path", hostWith([exposure(8443, "http://127.0.0.1:1/u7Qm2vXk9LrT4sWz")]), "pass"],
    ["a socket", hostWith([exposure(8443, "unix:/a")]), "pass"],
    ["another machine", hostWith([exposure(8443, "http://10.0.0.7:1")]), "pass"],
    ["a port that is served itself", hostWith([exposure(8443, "http://127.0.0.1:8443")]), "pass"],
    ["a network device", hostWith([bare], { usesTun: true }), "pass"],
  ])("judges %s for peers that go past Serve", (_, host, status) => {
    expect(judgeLoopback(host).status).toBe(status);
  });

  test.each<[string, ServerHost, string]>([
    ["off", hostWith([bare]), "pass"],
    ["on at 443", hostWith([bare, exposure(443, "http://127.0.0.1:2")]), "pass"],
    ["on at 8443", hostWith([{ ...bare, isFunnel: true }]), "fail"],
    ["on at 8443, as the public URL says", hostWith([{ ...bare, isFunnel: true }], { publicPorts: [8443] }), "warn"],
    ["raw TCP to the tailnet's", hostWith([bare, exposure(443, "127.0.0.1:1", { kind: "tcp" })]), "fail"],
    [
      "raw TCP to the tailnet's, at another port",
      hostWith([bare, exposure(10000, "127.0.0.1:1", { kind: "tcp", isFunnel: true })]),
      "fail",
    ],
    ["raw TCP to another", hostWith([bare, exposure(443, "127.0.0.1:2", { kind: "tcp" })]), "warn"],
    [
      "raw TCP of something else",
      hostWith([bare, exposure(10000, "127.0.0.1:22", { kind: "tcp", isFunnel: true })]),
      "pass",
    ],
  ])("judges Funnel that is %s", (_, host, status) => {
    expect(judgeFunnel(host).status).toBe(status);
  });

  const both = [bare, exposure(443, "http://127.0.0.1:1")];

  test.each([
    ["1.102.5", undefined, both, "pass"],
    ["1.102.5-t1a2b3c", "22.23.3", both, "pass"],
    ["1.102.5", "24.21.0", both, "pass"],
    ["1.102.5", "20.20.2", both, "warn"],
    ["1.102.5", "22.12.0", both, "warn"],
    ["1.102.5", "22.22.0", both, "warn"],
    ["1.102.5", "24.13.0", both, "warn"],
    ["1.102.5", "26.1.0", both, "pass"],
    ["1.100.1", undefined, both, "pass"],
    ["1.100.0", undefined, both, "warn"],
    ["1.98.10", undefined, both, "pass"],
    ["1.98.9", undefined, both, "warn"],
    ["1.98.9", undefined, [bare], "pass"],
    ["1.91.0", undefined, [bare], "warn"],
    ["1.71.0", undefined, both, "fail"],
    ["1.71.0", undefined, [bare], "warn"],
    ["a new one", undefined, both, "unknown"],
  ])("judges tailscaled %s and Node.js %s", (version, node, exposures, status) => {
    expect(judgeHostVersions({ host: hostWith(exposures, { version }), node }).status).toBe(status);
  });

  test("is asked on no other host", () => {
    const elsewhere = { kind: "elsewhere", reason: "only n.ts.net itself can tell" } as const;
    const skip = { status: "skip", message: elsewhere.reason };
    for (const judge of [judgeBackend, judgeFunnel, judgeLoopback]) expect(judge(elsewhere)).toEqual(skip);
    expect(judgeHostVersions({ host: elsewhere, node: undefined })).toEqual(skip);
  });
});
