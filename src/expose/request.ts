import type { Log } from "../core/log.ts";
import type { JsonObject } from "../core/record.ts";
import type { Environment } from "../core/runtime-directory.ts";

/** The ports of the two views. Source: https://tailscale.com/kb/1223/funnel (443, 8443 and 10000 are Funnel's). */
export const tailnetPort = 8443;
export const publicPort = 443;

/** What is to be exposed, and how. */
export interface ExposeRequest {
  /** tailscaled's. */
  readonly socket: string;
  /** Whether the internet gets a view too. */
  readonly funnel: boolean;
  /** A Tailscale Service in the node's place: `svc:NAME`. */
  readonly service: string | undefined;
  /** Handlers that outlive their command; for the detached process. */
  readonly background: boolean;
  /** For certificate, name and proof together. */
  readonly waitMs: number;
  /** What the gateway goes by, to be handed on by Serve. */
  readonly capability: string | undefined;
  /** Where the configuration says that the gateway listens. */
  readonly listen: { readonly private?: string; readonly public?: string };
  /** Paths of the upstreams on both views, such as `/mcp/notes`. */
  readonly paths: readonly string[];
  /** Where the record and the sockets are: a directory of ours. */
  readonly directory: string;
  /** What the request is made of: two alike are the same exposure. */
  readonly fingerprint: string;
}

/** The gateway, as it was started for the exposure. */
export interface StartedGateway {
  /** For `tailscale serve`. */
  readonly privateTarget: string;
  /** For `tailscale funnel`. */
  readonly publicTarget: string;
  /** Settles when it ends, whoever ended it. */
  readonly ended: Promise<void>;
  /** Closes every stream that is open: tailscaled cuts none of them. */
  close(): Promise<void>;
}

export interface GatewayListen {
  readonly private: string;
  readonly public: string;
}

/** What is to be proven, and the ways in that are known. */
export interface ProofRequest {
  readonly host: string;
  readonly tailnetUrls: readonly string[];
  /** Whether the internet was given a view. */
  readonly funnel: boolean;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

export interface Proof {
  readonly verdict: "pass" | "fail" | "unknown";
  /** The worst finding, or what was seen, in a line. */
  readonly detail: string;
  readonly findings: readonly Finding[];
}

export interface Finding {
  readonly id: string;
  readonly status: "fail" | "unknown" | "warn";
  readonly message: string;
  readonly hint: string | null;
  readonly facts: JsonObject;
}

/** What the exposure touches beyond Tailscale; the other features are handed in. */
export interface ExposeWorld {
  readonly env: Environment;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly startGateway: (listen: GatewayListen) => Promise<StartedGateway>;
  /** Returns what is wrong with the upstreams, one line each; none when all of them answer. */
  readonly checkUpstreams: () => Promise<readonly string[]>;
  readonly prove: (request: ProofRequest) => Promise<Proof>;
  /** Returns whether public DNS knows the name by now; true where the public address was typed. */
  readonly hasPublicName: (host: string, signal: AbortSignal) => Promise<boolean>;
}
