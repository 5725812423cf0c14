import type { AgentDialect } from "../agents/dialect.ts";
import type { Launcher } from "../agents/executable.ts";
import type { ExportMode } from "../config/config.ts";
import type { ConfiguredServer } from "../config/servers.ts";
import type { Secret } from "../core/secrets.ts";
import type { ListenAddress } from "../tailscale/daemon-arguments.ts";
import type { NodeSettings } from "../tailscale/up-arguments.ts";
import type { AcquireRequest } from "./acquire/request.ts";
import type { IdentitySource } from "./identity-token.ts";

/** What `up` was asked for; every value is checked. */
export interface UpRequest {
  readonly node: NodeSettings;
  /** How tailscale is got where it is missing. */
  readonly acquire: AcquireRequest;
  readonly credential: RequestedCredential | undefined;
  /** Shows a URL where a person can log in. */
  readonly interactive: boolean;
  readonly proxy: ListenAddress;
  /** Whether that address was asked for; else one that is already in use for this boot will do. */
  readonly proxyIsExplicit: boolean;
  /** Another daemon's socket, or where ours is to be. */
  readonly socket: string | undefined;
  readonly state: StateChoice;
  readonly timeoutMs: number;
  readonly noLogs: boolean;
  readonly exports: ExportMode;
  readonly servers: readonly ConfiguredServer[];
  readonly agents: AgentChoice;
  readonly verify: boolean;
  /** Keeps the way to the servers warm: in the foreground by itself, else through the bridges that run here. */
  readonly keepsWarm: boolean;
  readonly dryRun: boolean;
}

/** Whose files get the servers' entries, and in which form. */
export interface AgentChoice {
  readonly workspace: string;
  readonly dialects: readonly AgentDialect[];
  readonly entry: "bridge" | "url";
  readonly launcher: Launcher;
}

export type RequestedCredential = GivenCredential | IdentityCredential;

export interface GivenCredential {
  readonly kind: "given";
  readonly flag: "--auth-key" | "--client-secret" | "--id-token";
  readonly secret: Secret;
  readonly clientId?: string | undefined;
}

/** The platform says who this machine is; it is asked when a login is needed, and not before. */
export interface IdentityCredential {
  readonly kind: "identity";
  readonly source: IdentitySource;
  readonly clientId: string;
  readonly audience: string;
}

/** `boot` dies with this boot of the machine; `persistent` outlives it; or a directory of the user's choice. */
export type StateChoice =
  | { readonly kind: "boot" }
  | { readonly kind: "persistent" }
  | { readonly kind: "directory"; readonly path: string };
