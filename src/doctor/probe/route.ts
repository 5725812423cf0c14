import type { Socket } from "../../net/dial.ts";
import type { SharedConnection } from "../../net/shared-connection.ts";
import type { ExtraHeader } from "../context.ts";
import type { Side } from "../target.ts";

/** How to get to one side of a server, and how curl would. */
export interface Route {
  readonly side: Side;
  readonly url: URL;
  readonly open: (signal: AbortSignal) => Promise<Socket>;
  /** For requests that need no connection of their own. */
  readonly shared: SharedConnection | undefined;
  readonly ca: string | undefined;
  /** What the user adds to each request; always empty on the public side. */
  readonly headers: readonly ExtraHeader[];
  /** Arguments that make curl take the same way, already quoted for the shell. */
  readonly curl: readonly string[];
}
