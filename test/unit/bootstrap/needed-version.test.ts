import { describe, expect, it } from "vitest";
import { requireNeededVersion } from "../../../src/bootstrap/needed-version.ts";
import type { RequestedCredential } from "../../../src/bootstrap/request.ts";
import { Secret } from "../../../src/core/secrets.ts";
import { plainRequest } from "./plain-request.ts";

const given = (flag: "--auth-key" | "--client-secret" | "--id-token"): RequestedCredential => ({
  kind: "given",
  flag,
  secret: new Secret("s", "TS_AUTHKEY"),
});
const identity: RequestedCredential = {
  kind: "identity",
  source: { kind: "cursor", socket: "/s" },
  clientId: "c",
  audience: "a",
};

describe("the version that is needed", () => {
  it.each([
    ["1.24.2", {}, false, "tailscale up knows --timeout since 1.26"],
    ["1.26.0", {}, false, undefined],
    ["1.30.2", { noLogs: true }, false, "tailscaled knows --no-logs-no-support since 1.32"],
    ["1.32.0", { noLogs: true }, false, undefined],
    ["1.48.2", {}, true, "tailscaled ends with the process that supervises it since 1.50"],
    ["1.50.0-t1a2b", {}, true, undefined],
    ["1.88.3", { credential: given("--client-secret") }, false, "tailscale up knows --client-secret since 1.90"],
    ["1.88.3", { credential: given("--id-token") }, false, "a workload identity logs in since 1.90"],
    ["1.88.3", { credential: identity }, false, "a workload identity logs in since 1.90"],
    ["1.90.0", { credential: identity, noLogs: true }, true, undefined],
    ["1.88.3", { credential: given("--auth-key") }, false, undefined],
    ["unstable", { credential: identity }, true, undefined],
  ] as const)("%s, asked for %j (supervised: %j), is told %j", (version, asked, isSupervised, sentence) => {
    const request = { ...plainRequest, ...asked };
    const check = () => requireNeededVersion(version, { request, isSupervised });
    if (sentence === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(`tailscaled ${version} is too old: ${sentence}`);
  });
});
