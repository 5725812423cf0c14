/** What can be ordered to go wrong; everything is well at first. */
export interface Faults {
  /** Joining: every key is refused, or the node waits for an administrator. */
  key: "accepted" | "rejected";
  approval: "given" | "needed";
  /** The coordination server: `down` answers nobody, so that logins wait. */
  control: "up" | "down";
  /**
   * `dead` is as when every tailscaled but the server's was killed: nobody listens where the callers' proxies did, and
   * the stand-ins that run are gone. `alive` brings the callers' back; a stand-in can be started again.
   */
  proxy: "alive" | "dead";
  /** What every byte between nodes is late by, as over a far relay. */
  relayDelayMs: number;
  /** `expired`, and not to be renewed: handshakes end with an alert, for tailscaled shows no expired one. */
  certificate: "valid" | "expired";
}

/** Returns them; `onProxy` is told of every change of the proxies. */
export function noFaults(onProxy: (proxy: Faults["proxy"]) => void = () => {}): Faults {
  let proxy: Faults["proxy"] = "alive";
  return {
    key: "accepted",
    approval: "given",
    control: "up",
    get proxy() {
      return proxy;
    },
    set proxy(wanted) {
      if (wanted === proxy) return;
      proxy = wanted;
      onProxy(proxy);
    },
    relayDelayMs: 0,
    certificate: "valid",
  };
}
