import type { Server } from "../config/server.ts";

/** The two ways to one server: 8443 by Serve, 443 by Funnel. */
export type Side = "tailnet" | "public";

/** One server to examine, and what it should show. */
export interface Target {
  readonly server: Server;
  /** Patterns, each of which at least one tool of the tailnet side must fit. */
  readonly expectedTools: readonly string[];
  readonly minTools: number | undefined;
  /** Patterns of the tools that the internet may see. */
  readonly publicTools: readonly string[];
  /** The one real tool that may be called. */
  readonly probe: ToolCall | undefined;
}

export interface ToolCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** Returns host (without brackets) and port that `url` names. */
export function endOf(url: URL): { readonly host: string; readonly port: number } {
  const port = url.port === "" ? (url.protocol === "http:" ? 80 : 443) : Number(url.port);
  return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port };
}
