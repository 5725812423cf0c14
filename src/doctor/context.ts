import type { LockedServer } from "../config/lock.ts";
import type { Server } from "../config/server.ts";
import type { Log } from "../core/log.ts";
import type { Environment } from "../core/runtime-directory.ts";
import type { Secret } from "../core/secrets.ts";
import type { ConnectToRule } from "./connect-to.ts";
import type { Laboratory } from "./intrusive/laboratory.ts";
import type { Target } from "./target.ts";
import type { Traffic } from "./traffic.ts";

/** From where the run looks: both sides, or one of them. */
export type Vantage = "auto" | "tailnet" | "public";

/** A header for the tailnet side. `shown` is what stands in the report: `$NAME` in place of a secret. */
export interface ExtraHeader {
  readonly name: string;
  readonly value: string;
  readonly shown: string;
  /** What came from variables: struck out wherever a server sends it back. */
  readonly secrets: readonly Secret[];
}

/** What the user asked for. */
export interface DoctorRequest {
  readonly targets: readonly Target[];
  /** Ids and groups; empty means all. */
  readonly only: readonly string[];
  readonly skip: readonly string[];
  readonly strict: boolean;
  /** How long to try again while things are still coming up; 0 means once. */
  readonly waitMs: number;
  readonly vantage: Vantage;
  readonly connectTo: readonly ConnectToRule[];
  /** An address or a DNS-over-HTTPS URL. */
  readonly publicDns: string | undefined;
  readonly headers: readonly ExtraHeader[];
  /** Hosts that the user says are theirs to attack. */
  readonly authorized: readonly string[];
  /** The tags that this node should have. */
  readonly expectedTags?: readonly string[];
  /** Capabilities that the gateway goes by, for whoever claims to have them. */
  readonly capabilities: readonly string[];
}

/** What the run touches beyond the network. */
export interface World {
  readonly env: Environment;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** tailscaled's socket, where it was typed. */
  readonly socket: string | undefined;
  /** The proxy of a node that is being joined, which is not on record yet. */
  readonly proxy?: { readonly host: string; readonly port: number } | undefined;
  /** Authorities (PEM) to trust in the system's place. */
  readonly ca?: string | undefined;
  /** Where the agent works; undefined where its files are not looked at. */
  readonly workspace?: string | undefined;
  /** The lock, where it was named or is to be written; else it is looked for from the workspace upwards. */
  readonly lockFile?: string | undefined;
  /** Present in a sandbox when the user asked for what no real host may be sent. */
  readonly laboratory?: Laboratory | undefined;
  /** Takes what each server says now, to be locked. */
  readonly keepSnapshot?: ((server: Server, snapshot: LockedServer) => void) | undefined;
}

/** One run, as the checks of this machine see it. */
export interface MachineContext {
  readonly request: DoctorRequest;
  readonly world: World;
  /** Fires when the user gives up. */
  readonly signal: AbortSignal;
  readonly targets: readonly TargetContext[];
}

/** One run, as the checks of one server see it. */
export interface TargetContext {
  readonly machine: MachineContext;
  readonly target: Target;
  readonly index: number;
  readonly traffic: Traffic;
  /** What is still to be sent when the run is over: the ends of sessions that it opened. */
  readonly farewells: (() => Promise<unknown>)[];
}
