import type { ConfiguredServer } from "../config/servers.ts";
import type { Log } from "../core/log.ts";
import type { ProcessIdentity } from "../core/record.ts";
import type { RuntimeWorld } from "../core/runtime-directory.ts";
import type { DaemonCall, DaemonStart } from "../process/daemon.ts";
import type { ListenAddress } from "../tailscale/daemon-arguments.ts";

/** What `up`, `down` and `status` touch beside files and processes. */
export interface BootstrapWorld extends RuntimeWorld {
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** What `up` needs beyond that. */
export interface UpWorld extends BootstrapWorld {
  /** Proves the servers; the doctor, handed in so that the features stay apart. */
  readonly verify: (request: VerifyRequest) => Promise<VerifyResult>;
  /** There with `--foreground`: the daemon is to be this process's child, and to end with it. */
  readonly supervision?: Supervision | undefined;
}

export interface Supervision {
  /** This process. */
  readonly self: ProcessIdentity;
  /** False at the first join; afterwards the record has to name this process still. */
  readonly isRunning: boolean;
  readonly start: (call: DaemonCall, logFile: string) => Promise<DaemonStart>;
  readonly isChild: (daemon: ProcessIdentity) => boolean;
}

export interface VerifyRequest {
  readonly servers: readonly ConfiguredServer[];
  readonly socket: string;
  readonly proxy: ListenAddress | undefined;
  readonly timeoutMs: number;
}

export interface VerifyResult {
  readonly verdict: "pass" | "fail" | "unknown";
  /** One line: what was found. */
  readonly detail: string;
}
