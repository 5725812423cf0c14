import type { ConfiguredServer } from "../config/servers.ts";
import type { Log } from "../core/log.ts";
import type { RuntimeWorld } from "../core/runtime-directory.ts";
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
