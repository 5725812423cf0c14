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
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const status: Readonly<Record<string, unknown>> = { ...value };
  const { Enabled: isEnabled, NodeKeySigned: isSigned, NodeKey: nodeKey, PublicKey: lockKey } = status;
  if (isEnabled !== true || isSigned !== false || typeof nodeKey !== "string") return undefined;
  return { nodeKey, lockKey: typeof lockKey === "string" ? lockKey : "" };
}
