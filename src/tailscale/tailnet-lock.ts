import { objectOf, parseJson, stringOf } from "../core/json-object.ts";

/** A node whose key no signing node of the tailnet's lock has signed: it runs, and reaches nobody. */
export interface LockedOut {
  /** What a signing node has to sign; both are public. */
  readonly nodeKey: string;
  readonly lockKey: string;
}

/**
 * Returns what is missing according to the JSON of LocalAPI's `tka/status`; undefined where the tailnet has no lock, or the
 * node is signed. Source: tailscale `ipn/ipnstate`, TailnetLockStatus.
 */
export function parseLockedOut(json: string): LockedOut | undefined {
  const {
    Enabled: isEnabled,
    NodeKeySigned: isSigned,
    NodeKey: nodeKey,
    PublicKey: lockKey,
  } = objectOf(parseJson(json));
  if (isEnabled !== true || isSigned !== false || typeof nodeKey !== "string") return undefined;
  return { nodeKey, lockKey: stringOf(lockKey) };
}
