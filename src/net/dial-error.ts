import { TsmcpError } from "../core/errors.ts";

/** Where a dial ended: at the proxy, at the name, at the server's port, or in the TLS handshake. */
export type DialLayer = "proxy" | "name" | "connect" | "tls";

export interface DialFailure {
  readonly layer: DialLayer;
  /** What the system, the proxy or the server said. */
  readonly reason: string;
  readonly target: string;
  /** The proxy on the way, as `describeProxy` writes it. */
  readonly proxy?: string | undefined;
  /** In the place of the layer's own. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

const hints: Readonly<Record<DialLayer, string>> = {
  proxy: 'check that the proxy runs: "tsmcp status", or "tsmcp up" to start it',
  name: "check the name, and that this machine is on the tailnet that has it",
  connect: "check that the server listens there and that the tailnet policy lets this machine in",
  tls: "check the certificate; a private authority goes into NODE_EXTRA_CA_CERTS",
};

/** Returns the `dial-failed` error of one failure, with `layer`, `reason`, `target` and `proxy` among its facts. */
export function dialError(failure: DialFailure): TsmcpError {
  const { layer, reason, target, proxy, hint, cause } = failure;
  const through = proxy === undefined ? "" : ` through ${proxy}`;
  const message =
    layer === "proxy" && proxy !== undefined
      ? `the proxy ${proxy} cannot be used for ${target}: ${reason}`
      : `cannot reach ${target}${through}: ${reason}`;
  return new TsmcpError({
    code: "dial-failed",
    message,
    hint: hint ?? hints[layer],
    facts: { layer, reason, target, ...(proxy === undefined ? {} : { proxy }) },
    cause,
  });
}
