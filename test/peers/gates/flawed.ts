import type { IncomingMessage } from "node:http";
import type { CheckId } from "../../../src/doctor/check.ts";
import type { Gate } from "./mcp-server.ts";

/** A gate with one flaw, and the check that must find it. */
export interface FlawedGate {
  readonly name: string;
  readonly found: CheckId;
  readonly gate: Gate;
}

/** Returns gates for one localhost port behind Funnel 443 and Serve 8443, each of which lets a header decide. */
export function flawedGates(publicName: string): readonly FlawedGate[] {
  return [
    {
      name: "trusts X-Forwarded-Host that contains :8443, or a login (the copied recipe)",
      found: "separation.host-header",
      gate: (request) =>
        forwardedHost(request).includes(":8443") || request.headers["tailscale-user-login"] !== undefined,
    },
    {
      name: "trusts X-Forwarded-Host that ends in :8443, in lower case",
      found: "separation.host-header",
      gate: (request) => forwardedHost(request).toLowerCase().endsWith(":8443"),
    },
    {
      name: "trusts X-Forwarded-Host with the port 8443, by URL",
      found: "separation.host-header",
      gate: (request) => new URL(`https://${forwardedHost(request)}`).port === "8443",
    },
    {
      name: "trusts X-Forwarded-Host with any port",
      found: "separation.host-header",
      gate: (request) => /:\d+$/.test(forwardedHost(request)),
    },
    {
      name: "trusts the Host of its own machine",
      found: "separation.host-header",
      gate: (request) => /^(localhost|127\.0\.0\.1)(:|$)/.test(request.headers.host ?? "") || isServe(request),
    },
    {
      name: "trusts everything but the exact public name",
      found: "separation.host-header",
      gate: (request) => forwardedHost(request) !== publicName,
    },
    {
      name: "trusts the exact name with :8443 only",
      found: "separation.host-header",
      gate: (request) => forwardedHost(request) === `${publicName}:8443`,
    },
    {
      name: "trusts a tailnet address in Host",
      found: "separation.host-header",
      gate: (request) => forwardedHost(request).startsWith("100.") || isServe(request),
    },
    {
      name: "trusts the short name",
      found: "separation.host-header",
      gate: (request) => !(request.headers.host ?? "").includes(".") || isServe(request),
    },
    {
      name: "folds underscores and trusts the login",
      found: "separation.identity-headers",
      gate: (request) => folded(request, "tailscale-user-login") || isServe(request),
    },
    {
      name: "trusts X-Real-IP",
      found: "separation.forwarding-headers",
      gate: (request) => /^(100\.|127\.)/.test(String(request.headers["x-real-ip"] ?? "")) || isServe(request),
    },
    {
      name: "trusts X-Forwarded-Port",
      found: "separation.forwarding-headers",
      gate: (request) => request.headers["x-forwarded-port"] === "8443" || isServe(request),
    },
    {
      name: "trusts what has no Funnel mark",
      found: "separation.header-count",
      gate: (request) => request.headers["tailscale-funnel-request"] === undefined,
    },
    {
      name: "trusts what was not forwarded from a public address",
      found: "separation.header-count",
      gate: (request) => !/^(?!100\.)\d/.test(String(request.headers["x-forwarded-for"] ?? "")),
    },
  ];
}

function forwardedHost(request: IncomingMessage): string {
  return String(request.headers["x-forwarded-host"] ?? "");
}

/** The sound half of a gate, as long as no header was dropped: Serve's requests come from the tailnet and have no mark. */
export function isServe(request: IncomingMessage): boolean {
  return (
    request.headers["tailscale-funnel-request"] === undefined &&
    String(request.headers["x-forwarded-for"] ?? "").startsWith("100.")
  );
}

function folded(request: IncomingMessage, name: string): boolean {
  return Object.keys(request.headers).some((key) => key.replaceAll("_", "-") === name);
}
