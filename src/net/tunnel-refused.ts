import type { DialLayer } from "./dial-error.ts";

/** The proxy's own refusal, told apart from a connection to it that breaks. */
export class TunnelRefused extends Error {
  readonly layer: DialLayer;
  /** Whether it speaks as tailscaled alone does. */
  readonly byTailscale: boolean;

  constructor(layer: DialLayer, reason: string, { byTailscale = false } = {}) {
    super(reason);
    this.name = "TunnelRefused";
    this.layer = layer;
    this.byTailscale = byTailscale;
  }
}
