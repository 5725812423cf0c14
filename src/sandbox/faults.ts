/** What can be ordered to go wrong; everything is well at first. */
export interface Faults {
  /** Joining: every key is refused, or the node waits for an administrator. */
  key: "accepted" | "rejected";
  approval: "given" | "needed";
  /** The coordination server: `down` answers nobody, so that logins wait. */
  control: "up" | "down";
  /** The callers' proxies: `dead` ones listen and hang up. */
  proxy: "alive" | "dead";
  /** What every byte between nodes is late by, as over a far relay. */
  relayDelayMs: number;
  certificate: "valid" | "expired";
}

export function noFaults(): Faults {
  return {
    key: "accepted",
    approval: "given",
    control: "up",
    proxy: "alive",
    relayDelayMs: 0,
    certificate: "valid",
  };
}
