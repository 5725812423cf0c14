import type { IncomingMessage, ServerResponse } from "node:http";
import type { Caller } from "../identities.ts";
import type { UpstreamRights } from "../rights.ts";
import type { FilteredServer } from "./filter.ts";

/** What a request may see: the tailnet's view for an identified caller, the public one for everybody else. */
export type Seen = TailnetSeen | PublicSeen;

interface SeenRights {
  /** What the caller may do with this server; nothing in the public view. */
  readonly rights: UpstreamRights;
  /**
   * Returns the server (`McpServer` or `Server` of the official SDK, v1 or v2) as this caller may see it: lists and
   * capabilities are cut to the rights, calls, reads and gets beyond them are refused, and so for what the server says
   * of its own accord. Looks again at every message, so rights that are taken away end in an open stream too. Call it
   * before `connect`. What `createMcpHandler` answers without the server (`subscriptions/listen`) is not filtered.
   */
  filter<T extends FilteredServer>(server: T): T;
}

export interface TailnetSeen extends SeenRights {
  readonly view: "tailnet";
  /** Whom tailscaled says it is. `key` is the same for every device of a person, and for one node otherwise. */
  readonly caller: Omit<Caller, "rightsOn">;
  /** Whether the other request is from the same caller, which a session must belong to. */
  isSameCallerAs(other: Seen): boolean;
}

export interface PublicSeen extends SeenRights {
  readonly view: "public";
  readonly caller: undefined;
  /** Why the request gets not even the public view; undefined where it gets that. */
  readonly refusal: Refusal | undefined;
  isSameCallerAs(other: Seen): false;
  /**
   * Answers it: the constant public view (`initialize` works, lists are empty, everything else is refused), or the refusal.
   * `parsedBody` is what a framework has made of the body before; without it `request.body` counts where it was read.
   */
  answer(request: IncomingMessage, response: ServerResponse, parsedBody?: unknown): void;
  /** The same for a web-standard request. */
  response(request: Request, parsedBody?: unknown): Promise<Response>;
}

export interface Refusal {
  readonly status: number;
  readonly reason: string;
}
