import type { RuleConfig } from "../../config/config.ts";
import { TsmcpError } from "../../core/errors.ts";
import { type Log, silentLog } from "../../core/log.ts";
import { systemSocket } from "../../tailscale/local-api.ts";
import { requireTrustedSocket } from "../../tailscale/socket-trust.ts";
import { believe } from "../believe.ts";
import { isForeignPage } from "../head.ts";
import { type Caller, callerNow, createIdentities } from "../identities.ts";
import { createPace } from "../pace.ts";
import { publicPace } from "../public-side.ts";
import { rightsOn } from "../rights.ts";
import { createSealer } from "../seal.ts";
import { sealingKeys } from "../sealing-key.ts";
import { createTaskTools } from "../task-handle.ts";
import type { View } from "../view.ts";
import { type FilteredServer, filterServer, type ViewNow } from "./filter.ts";
import { answerNode, answerWeb, noJournal } from "./public-answer.ts";
import { type AnyRequest, cameThroughServe, headOf } from "./request-head.ts";
import type { PublicSeen, Refusal, Seen, TailnetSeen } from "./seen.ts";

export interface ExposureOptions {
  /** The capability whose grants give rights, such as "example.com/cap/mcp". */
  readonly capability?: string;
  /** The Tailscale Service that callers reach it by, such as "svc:notes": grants to it count then (tailscaled 1.100 or newer). */
  readonly service?: string | undefined;
  /** Rights by user, tag or `*`. Without these and a capability every member of the tailnet may do everything. */
  readonly rules?: readonly RuleConfig[];
  /** What grants and rules call this server in `upstreams` ("mcp"). */
  readonly name?: string;
  /** Pages that may call, besides those of this node's own name. */
  readonly allowedOrigins?: readonly string[];
  /** tailscaled's socket (the system's). */
  readonly socket?: string | undefined;
  /**
   * The path that only Serve knows, such as `/3f9c…`, where the private listener is a port and no unix socket:
   * at least 20 characters after the slash, and nothing else on that port. Users of this machine can learn it from
   * tailscaled (`tailscale serve status`), so where they are not to be trusted listen on a socket.
   */
  readonly secretPath?: string | undefined;
  /** `file:PATH` of the key for cursors and task ids; several processes behind one name need the same. One of its own else. */
  readonly sealingKey?: string;
  readonly log?: Log;
}

/** By which listener a request came: the one behind `tailscale serve`, or the one behind `tailscale funnel`. */
export type Listener = "private" | "public";

export interface Exposure {
  /**
   * Returns what a request may see. On the public listener that is the public view, whatever its headers say; on the
   * private one it is decided by whom tailscaled says the caller is. Never rejects: who cannot be told is refused.
   */
  see(request: AnyRequest, listener: Listener): Promise<Seen>;
}

/**
 * Returns the two views of a server of your own, by the gateway's own rules.
 * Throws `usage-invalid` for a secret path that can be guessed, `secret-invalid` for a bad sealing key, `daemon-foreign`
 * for a socket that is neither ours nor root's.
 */
export function exposure(options: ExposureOptions = {}): Exposure {
  const { secretPath, name = "mcp", allowedOrigins = [], log = silentLog, capability } = options;
  if (secretPath !== undefined) requireUnguessable(secretPath);
  const socket = options.socket ?? systemSocket;
  requireTrustedSocket(socket, "about who calls");
  const keys = sealingKeys({ variable: undefined, configured: options.sealingKey, directory: undefined });
  const sealer = createSealer(keys);
  const identities = createIdentities({ socket, service: options.service, rights: () => options, log });
  const side = { pace: createPace(publicPace), journal: noJournal, tools: () => undefined };
  const learnt: View["learnt"] = { uiTools: new Map(), paramHeaders: new Map(), taskTools: createTaskTools() };
  const viewOf = (caller: Caller): View => ({
    caller,
    upstream: name,
    rights: caller.rightsOn(name),
    capability,
    sealer,
    learnt,
  });

  const outside = (refusal?: Refusal): PublicSeen => ({
    view: "public",
    caller: undefined,
    rights: rightsOn([], name),
    refusal,
    isSameCallerAs: () => false,
    filter: <T extends FilteredServer>(server: T) => filterServer(server, () => undefined),
    answer: (request, response, parsedBody) => answerNode({ request, response, refusal, parsedBody }, side),
    response: (request, parsedBody) => answerWeb({ request, refusal, parsedBody }, side),
  });

  const inside = (caller: Caller, address: string): TailnetSeen => {
    const asked = { address, key: caller.key, signal: neverAborted };
    const viewNow: ViewNow = () => callerNow(identities, asked, viewOf);
    return {
      view: "tailnet",
      caller,
      rights: caller.rightsOn(name),
      isSameCallerAs: (other) => other.caller?.key === caller.key,
      filter: (server) => filterServer(server, viewNow),
    };
  };

  return {
    async see(request, listener) {
      if (listener !== "private") return outside();
      const head = headOf(request);
      if ("status" in head) return outside(head);
      if (!cameThroughServe(request, head.path, secretPath)) return outside();
      const belief = await believe(head, identities, neverAborted);
      if (belief.kind === "public") return outside();
      if (belief.kind === "unknown") return outside({ status: 503, reason: "tailscaled does not tell who calls" });
      if (isForeignPage(head, { allowedOrigins, ownName: identities.ownName() }))
        return outside({ status: 403, reason: "a page of somebody else asks" });
      return inside(belief.caller, belief.address);
    },
  };
}

/** The question to tailscaled has a limit of its own. */
const neverAborted = (): AbortSignal => new AbortController().signal;

function requireUnguessable(secretPath: string): void {
  if (/^\/[A-Za-z0-9_-]{20,}$/.test(secretPath)) return;
  throw new TsmcpError({
    code: "usage-invalid",
    message: "secretPath is a slash and at least 20 letters, digits, _ or -",
    hint: "make one once, and give the same to tailscale serve: openssl rand -hex 16",
  });
}
