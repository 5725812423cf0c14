import type { DialLayer } from "./dial-error.ts";

/** The proxy's own refusal, told apart from a connection to it that breaks. */
export class TunnelRefused extends Error {
  readonly layer: DialLayer;

  constructor(layer: DialLayer, reason: string) {
    super(reason);
    this.name = "TunnelRefused";
    this.layer = layer;
  }
}
