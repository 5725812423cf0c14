import type { ServerSides } from "./server.ts";

/** `tsmcp.config.json` as its schema describes it. */
export interface Config {
  readonly servers?: Readonly<Record<string, ServerConfig>>;
  readonly agents?: readonly string[];
  readonly tailscale?: TailscaleConfig;
  readonly proxy?: { readonly listen?: string; readonly exports?: ExportMode };
  readonly gateway?: GatewayConfig;
}

export interface ServerConfig extends ServerSides {
  readonly expect?: {
    readonly tools?: readonly string[];
    readonly minTools?: number;
    readonly publicTools?: readonly string[];
  };
  readonly probe?: { readonly tool: string; readonly arguments?: Readonly<Record<string, unknown>> };
}

export interface TailscaleConfig {
  readonly hostname?: string;
  readonly advertiseTags?: readonly string[];
  readonly acceptRoutes?: boolean;
  readonly loginServer?: string;
  readonly version?: string;
  readonly mirror?: string;
  readonly sha256?: readonly string[];
}

export type ExportMode = "profile" | "github" | "github-all" | "none";

export interface GatewayConfig {
  readonly listen?: {
    readonly private?: string;
    readonly public?: string;
    readonly admin?: string;
    readonly single?: string;
  };
  readonly upstreams?: Readonly<Record<string, UpstreamConfig>>;
  readonly capability?: string;
  readonly service?: string;
  readonly allowedOrigins?: readonly string[];
  readonly publicTools?: readonly string[];
  readonly sealingKey?: string;
  readonly rules?: readonly RuleConfig[];
  readonly audit?: {
    readonly calls?: boolean;
    readonly arguments?: boolean;
    readonly publicEvery?: number;
  };
}

/** One of `command`, `url` and `builtin`. */
export interface UpstreamConfig {
  readonly command?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly isolation?: "shared" | "session" | "pool";
  readonly maxChildren?: number;
  readonly user?: string;
  readonly namespace?: boolean;
  readonly url?: string;
  readonly tokenEnv?: string;
  /** Values hold `${env:NAME}`, or are `file:PATH`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly identity?: "headers";
  readonly builtin?: "whoami";
  readonly enabled?: boolean;
}

export interface RuleConfig {
  readonly who: readonly string[];
  readonly upstreams?: readonly string[];
  readonly tools?: readonly string[];
  readonly resources?: readonly string[];
  readonly prompts?: readonly string[];
}
