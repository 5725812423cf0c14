import type { IncomingMessage } from "node:http";
import type { CheckId } from "../../../src/doctor/check.ts";
import type { Drawn } from "./draw.ts";
import type { Exposure } from "./exposure.ts";
import type { Gate, GateServer } from "./mcp-server.ts";

/** Where a gate stands. */
export interface Place extends Drawn {
  readonly publicName: string;
  readonly serverAddress: string;
}

/** A real MCP server with one flaw, and the check that must find it. */
export interface FlawedGate {
  readonly name: string;
  readonly found: CheckId;
  /** Where it may show by chance, before anything is forged. */
  readonly orFound?: CheckId;
  readonly start: (place: Place) => Promise<GateServer>;
  /** How the node exposes it: Funnel 443 and Serve 8443 to one port, unless the flaw lies here. */
  readonly exposures?: (port: number) => readonly Exposure[];
  /** Whether what gets out is no tool. */
  readonly leaksNoTool?: true;
}

/** The recipe as it is copied around: it believes the name that the client gives, which tailscaled hands on. */
export const copiedRecipe: Gate = (request) =>
  forwardedHost(request).includes(":8443") || request.headers["tailscale-user-login"] !== undefined;

export function forwardedHost(request: IncomingMessage): string {
  return String(request.headers["x-forwarded-host"] ?? "");
}

/** The sound half of a gate, as long as no header was dropped: Serve's requests come from the tailnet and have no mark. */
export function isServe(request: IncomingMessage): boolean {
  return (
    request.headers["tailscale-funnel-request"] === undefined &&
    String(request.headers["x-forwarded-for"] ?? "").startsWith("100.")
  );
}

/** Node keeps 1,000 header lines; a gate that counts them knows when some are missing. */
export function hasEveryHeader(request: IncomingMessage): boolean {
  return request.rawHeaders.length / 2 < 900;
}

/** Opens by `flaw` to whom it should not, and by the rules to the tailnet. */
export function orServe(flaw: Gate): Gate {
  return (request) => flaw(request) || (hasEveryHeader(request) && isServe(request));
}

/** The value of a header for a server that takes `_` for `-`. */
export function folded(request: IncomingMessage, name: string): string | undefined {
  const key = Object.keys(request.headers).find((one) => one !== name && one.replaceAll("_", "-") === name);
  return key === undefined ? undefined : String(request.headers[key]);
}
