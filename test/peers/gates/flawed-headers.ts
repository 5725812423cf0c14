import type { CheckId } from "../../../src/doctor/check.ts";
import { copiedRecipe, type FlawedGate, folded, forwardedHost, orServe, type Place } from "./flawed.ts";
import { type Gate, startGate } from "./mcp-server.ts";

export interface HeaderGate extends FlawedGate {
  readonly gateAt: (place: Pick<Place, "publicName" | "serverAddress">) => Gate;
}

/** Gates that let a header decide, each before an official SDK server of a drawn flavour. */
export const headerGates: readonly HeaderGate[] = [
  flaw(
    "trusts X-Forwarded-Host that contains :8443, or a login (the copied recipe)",
    "separation.host-header",
    () => copiedRecipe,
  ),
  flaw(
    "trusts X-Forwarded-Host that ends in :8443, in lower case",
    "separation.host-header",
    () => (request) => forwardedHost(request).toLowerCase().endsWith(":8443"),
  ),
  flaw(
    "trusts X-Forwarded-Host with the port 8443, by URL",
    "separation.host-header",
    () => (request) => new URL(`https://${forwardedHost(request) || "x"}`).port === "8443",
  ),
  flaw(
    "trusts X-Forwarded-Host with any port",
    "separation.host-header",
    () => (request) => /:\d+$/.test(forwardedHost(request)),
  ),
  flaw(
    "trusts everything but the exact public name",
    "separation.host-header",
    ({ publicName }) =>
      (request) =>
        forwardedHost(request) !== publicName,
  ),
  flaw(
    "trusts the exact name with :8443 only",
    "separation.host-header",
    ({ publicName }) =>
      (request) =>
        forwardedHost(request) === `${publicName}:8443`,
  ),
  other(
    "trusts the Host of its own machine",
    "separation.host-header",
    () => (request) => /^(localhost|127\.0\.0\.1)(:|$)/.test(request.headers.host ?? ""),
  ),
  other(
    "trusts a bare localhost in X-Forwarded-Host",
    "separation.host-header",
    () => (request) => forwardedHost(request) === "localhost",
  ),
  other(
    "trusts IPv6 loopback in Host",
    "separation.host-header",
    () => (request) => (request.headers.host ?? "").startsWith("[::1]"),
  ),
  other(
    "trusts a tailnet address in Host",
    "separation.host-header",
    () => (request) => /^100\.\d+\.\d+\.\d+$/.test(forwardedHost(request)),
  ),
  other(
    "trusts its own tailnet address in Host",
    "separation.host-header",
    ({ serverAddress }) =>
      (request) =>
        forwardedHost(request).split(":")[0] === serverAddress,
  ),
  other(
    "trusts a private address in Host",
    "separation.host-header",
    () => (request) => /^(10|192\.168)\./.test(forwardedHost(request)),
  ),
  other(
    "trusts the short name",
    "separation.host-header",
    ({ publicName }) =>
      (request) =>
        (request.headers.host ?? "").split(":")[0] === publicName.split(".")[0],
  ),
  other(
    "trusts any other name of its tailnet",
    "separation.host-header",
    ({ publicName }) =>
      (request) =>
        forwardedHost(request).endsWith(publicName.slice(publicName.indexOf("."))) &&
        !forwardedHost(request).startsWith(publicName),
  ),
  other(
    "trusts names that end in .internal",
    "separation.host-header",
    () => (request) => /\.(internal|local)$/.test(forwardedHost(request)),
  ),
  other(
    "trusts a request that names no host",
    "separation.host-header",
    () => (request) => forwardedHost(request) === "",
  ),
  other(
    "wants :8443 and a login in any header",
    "separation.host-header",
    () => (request) => forwardedHost(request).endsWith(":8443") && request.headers["x-webauth-user"] !== undefined,
  ),
  other(
    "folds underscores and trusts the login",
    "separation.identity-headers",
    () => (request) => folded(request, "tailscale-user-login") !== undefined,
  ),
  other(
    "folds underscores and has a list of logins",
    "separation.identity-headers",
    () => (request) => folded(request, "tailscale-user-login") === "alice@example.com",
  ),
  other(
    "folds underscores and looks for a capability",
    "separation.identity-headers",
    () => (request) => /"[^"]+":\s*\[/.test(folded(request, "tailscale-app-capabilities") ?? ""),
  ),
  other(
    "trusts X-Forwarded-User",
    "separation.identity-headers",
    () => (request) => /@/.test(String(request.headers["x-forwarded-user"] ?? "")),
  ),
  other(
    "trusts X-Tailscale-User",
    "separation.identity-headers",
    () => (request) => request.headers["x-tailscale-user"] !== undefined,
  ),
  other(
    "takes any Authorization for a good one",
    "separation.identity-headers",
    () => (request) => (request.headers.authorization ?? "").startsWith("Bearer "),
  ),
  other(
    "trusts X-Real-IP",
    "separation.forwarding-headers",
    () => (request) => /^(100\.|127\.)/.test(String(request.headers["x-real-ip"] ?? "")),
  ),
  other(
    "trusts an IPv6 tailnet address in X-Real-IP",
    "separation.forwarding-headers",
    () => (request) => String(request.headers["x-real-ip"] ?? "").startsWith("fd7a:115c:a1e0:"),
  ),
  other(
    "trusts a private address in X-Cluster-Client-IP",
    "separation.forwarding-headers",
    () => (request) => /^(10|192\.168)\./.test(String(request.headers["x-cluster-client-ip"] ?? "")),
  ),
  other(
    "trusts X-Forwarded-Port",
    "separation.forwarding-headers",
    () => (request) => request.headers["x-forwarded-port"] === "8443",
  ),
  other(
    "trusts X-Original-Host",
    "separation.forwarding-headers",
    ({ publicName }) =>
      (request) =>
        request.headers["x-original-host"] === `${publicName}:8443`,
  ),
  other(
    "folds underscores and trusts X-Forwarded-For",
    "separation.forwarding-headers",
    () => (request) => (folded(request, "x-forwarded-for") ?? "").startsWith("100."),
  ),
  other(
    "trusts an Origin of its own on 8443",
    "separation.forwarding-headers",
    ({ publicName }) =>
      (request) =>
        request.headers.origin === `https://${publicName}:8443`,
  ),
  other("trusts X-Internal", "separation.forwarding-headers", () => (request) => request.headers["x-internal"] === "1"),
  other(
    "looks at the last of two X-Real-IP",
    "separation.forwarding-headers",
    () => (request) => /, ?100\./.test(String(request.headers["x-real-ip"] ?? "")),
  ),
  flaw(
    "trusts what has no Funnel mark",
    "separation.header-count",
    () => (request) => request.headers["tailscale-funnel-request"] === undefined,
  ),
  flaw(
    "trusts what was not forwarded from a public address",
    "separation.header-count",
    () => (request) => !/^(?!100\.)\d/.test(String(request.headers["x-forwarded-for"] ?? "")),
  ),
  flaw(
    "wants the name and no Funnel mark",
    "separation.header-count",
    ({ publicName }) =>
      (request) =>
        request.headers["tailscale-funnel-request"] === undefined && request.headers.host?.split(":")[0] === publicName,
  ),
];

/** What the copied recipe and its first mends trust: any stranger finds these who varies hosts and counts headers. */
export const commonHeaderGates: readonly HeaderGate[] = headerGates.filter(({ name }) =>
  [
    "the copied recipe",
    "trusts X-Forwarded-Host",
    "everything but",
    "exact name",
    "its own machine",
    "short name",
    "no Funnel mark",
    "public address",
  ].some((part) => name.includes(part)),
);

/** The flaw alone lets the tailnet in too. */
function flaw(name: string, found: CheckId, gateAt: HeaderGate["gateAt"]): HeaderGate {
  const start = (place: Place) => {
    const { flavour, path, tools } = place;
    return startGate({ gate: gateAt(place), flavour, path, tools });
  };
  return { name, found, start, gateAt };
}

/** The flaw is a second way in, beside the rules for the tailnet. */
function other(name: string, found: CheckId, gateAt: HeaderGate["gateAt"]): HeaderGate {
  return flaw(name, found, (place) => orServe(gateAt(place)));
}
