import { createRecent } from "./recent.ts";
import type { Sealer } from "./seal.ts";
import type { Upstream, UpstreamCaller, UpstreamSession } from "./upstream/upstream.ts";
import { bindingOf } from "./view.ts";

/** A legacy session as the gateway knows it; all of it can be had again from the id. */
export interface Session {
  readonly id: string;
  readonly session: UpstreamSession;
  /** What was agreed on at `initialize`. */
  readonly protocolVersion: string;
  readonly expiresAtMs: number;
}

export interface Sessions {
  /** Seals what it takes to come back, and returns the session. */
  add(
    upstream: Upstream,
    caller: UpstreamCaller,
    opened: { session: UpstreamSession; protocolVersion: string },
  ): Session;
  /** Returns the caller's session of that id, taken up again where it is not known here; undefined for any other id. */
  find(id: string, upstream: Upstream, caller: UpstreamCaller): Session | undefined;
  /** The caller is done with it: the id is worth nothing from now on. */
  end(session: Session): Promise<void>;
  readonly size: () => number;
}

interface Kept {
  readonly binding: string;
  readonly upstream: Upstream;
  readonly session: Session;
}

/** Agents live for days; an id that was lost somewhere should not live for months. */
const lifeMs = 7 * 24 * 3_600_000;

/** What is forgotten here is taken up again by its id. */
const maxKept = 20_000;

export function createSessions(sealer: Sealer): Sessions {
  const kept = createRecent<Kept>(maxKept);
  // Agents that open a session for each call would fill a week's list; who comes back with an older id is its caller still.
  const ended = createRecent<true>(maxKept);
  const keep = (session: Session, { binding, upstream }: Omit<Kept, "session">): Session => {
    kept.set(session.id, { binding, upstream, session });
    return session;
  };
  const known = (id: string, binding: string, upstream: Upstream): Session | undefined => {
    const found = kept.get(id);
    // One that stood under this name before has ended, and the session is taken up again at the one that stands there now.
    return found?.binding === binding && found.upstream === upstream ? found.session : undefined;
  };
  return {
    add(upstream, caller, { session, protocolVersion }) {
      const expiresAtMs = Date.now() + lifeMs;
      const binding = bindingOf({ upstream: upstream.name, caller });
      const id = sealer.seal(JSON.stringify([session.handle, protocolVersion, expiresAtMs]), "session", binding);
      return keep({ id, session, protocolVersion, expiresAtMs }, { binding, upstream });
    },
    find(id, upstream, caller) {
      const binding = bindingOf({ upstream: upstream.name, caller });
      const found = known(id, binding, upstream) ?? reopen(id, { upstream, caller, binding });
      if (found === undefined || ended.get(id) === true || found.expiresAtMs < Date.now()) return undefined;
      return found;
    },
    async end({ id, session }) {
      kept.delete(id);
      ended.set(id, true);
      await session.end();
    },
    size: () => kept.size(),
  };

  function reopen(
    id: string,
    { upstream, caller, binding }: { upstream: Upstream; caller: UpstreamCaller; binding: string },
  ): Session | undefined {
    const sealed = ended.get(id) === true ? undefined : contentsOf(sealer.open(id, "session", binding));
    if (sealed === undefined || sealed.expiresAtMs < Date.now()) return undefined;
    const session = upstream.resume(sealed.handle, caller);
    const { protocolVersion, expiresAtMs } = sealed;
    return session === undefined
      ? undefined
      : keep({ id, session, protocolVersion, expiresAtMs }, { binding, upstream });
  }
}

function contentsOf(
  text: string | undefined,
): { handle: string; protocolVersion: string; expiresAtMs: number } | undefined {
  const value: unknown = text === undefined ? undefined : JSON.parse(text);
  if (!Array.isArray(value)) return undefined;
  const [handle, protocolVersion, expiresAtMs]: unknown[] = value;
  if (typeof handle !== "string" || typeof protocolVersion !== "string" || typeof expiresAtMs !== "number")
    return undefined;
  return { handle, protocolVersion, expiresAtMs };
}
