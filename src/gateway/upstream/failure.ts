import { messageOf, TsmcpError } from "../../core/errors.ts";
import { strikeSecrets } from "../../core/secrets.ts";
import { AnswerTooLarge } from "../../mcp/endpoint.ts";
import type { RpcError } from "../../mcp/message.ts";
import { ownCodes } from "../../mcp/own-codes.ts";
import { RequestLost } from "../../net/origin.ts";

/** What the caller is told of a request that failed on its way, with a code of ours. */
export class UpstreamFailure extends Error {
  readonly kind: keyof typeof ownCodes;
  /** The server had it, and nobody knows what became of it. */
  readonly mayHaveRun: boolean;

  constructor(kind: keyof typeof ownCodes, message: string, { mayHaveRun = false } = {}) {
    super(message);
    this.name = "UpstreamFailure";
    this.kind = kind;
    this.mayHaveRun = mayHaveRun;
  }
}

/** Returns the error answer's error for whatever was thrown; names the server, and nothing of the way to it. */
export function rpcErrorOf(error: unknown, name: string): RpcError {
  const failure = error instanceof UpstreamFailure ? error : asFailure(error);
  const ran = failure.mayHaveRun ? "; it may have run" : "";
  return {
    code: ownCodes[failure.kind],
    message: strikeSecrets(`tsmcp: the server ${JSON.stringify(name)} ${failure.message}${ran}`),
    ...(failure.mayHaveRun ? { data: { mayHaveRun: true } } : {}),
  };
}

function asFailure(error: unknown): UpstreamFailure {
  if (error instanceof RequestLost) {
    return new UpstreamFailure("lost", "broke the connection before it answered", { mayHaveRun: true });
  }
  if (error instanceof AnswerTooLarge) {
    return new UpstreamFailure("tooLarge", `answered with more than ${error.maxBytes} bytes`, { mayHaveRun: true });
  }
  if (error instanceof TsmcpError && error.code === "dial-failed") {
    return new UpstreamFailure("unreachable", "cannot be reached");
  }
  return new UpstreamFailure("protocol", `failed: ${messageOf(error)}`, { mayHaveRun: true });
}
