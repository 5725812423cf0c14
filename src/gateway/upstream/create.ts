import type { UpstreamConfig } from "../../config/config.ts";
import type { Log } from "../../core/log.ts";
import type { Environment } from "../../core/runtime-directory.ts";
import type { Upstream } from "./upstream.ts";

/** What upstreams share: where they log, the variables that `tokenEnv` may name, and the tailnet's proxy. */
export interface UpstreamWorld {
  readonly log: Log;
  readonly env: Environment;
  readonly cwd: string;
  /** `http://` or `socks5://`, for names in the tailnet; undefined: dial directly. */
  readonly proxy: string | undefined;
}

/** Makes the upstream that one entry of the configuration describes; it starts with the first call. */
export type CreateUpstream = (name: string, config: UpstreamConfig, world: UpstreamWorld) => Upstream;
