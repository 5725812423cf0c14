import type { IncomingMessage } from "node:http";
import { isServe } from "./flawed.ts";
import type { GateOptions } from "./mcp-server.ts";

/** A gate that lets nobody in from the internet, although both exposures lead to one port. */
export interface SoundGate {
  readonly name: string;
  readonly options: GateOptions;
}

/** Node keeps 1,000 header lines; a gate that counts them knows when some are missing. */
function hasEveryHeader(request: IncomingMessage): boolean {
  return request.rawHeaders.length / 2 < 900;
}

const gate = (request: IncomingMessage): boolean => hasEveryHeader(request) && isServe(request);

export const soundGates: readonly SoundGate[] = [
  { name: "counts the headers and looks for the mark", options: { gate } },
  { name: "does so and keeps sessions per side", options: { gate, flavour: "sessions", bound: true } },
  { name: "answers 403 to the internet", options: { gate, closed: "forbidden" } },
  { name: "answers 404 to the internet", options: { gate, closed: "not-found" } },
  { name: "has another path", options: { gate, path: "/mcp/notes" } },
  {
    name: "wants a login and no mark",
    options: {
      gate: (request) => gate(request) && request.headers["tailscale-user-login"] !== undefined,
    },
  },
];
