import { messageOf, TsmcpError } from "../core/errors.ts";
import { isObject } from "../core/json-object.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { strikeSecrets } from "../core/secrets.ts";
import { type Answer, AnswerTooLarge } from "../mcp/endpoint.ts";
import { objectAt } from "../mcp/json.ts";
import { type RpcError, toMessage } from "../mcp/message.ts";
import { isHarmlessToRepeat } from "../mcp/method.ts";
import { ownCodes } from "../mcp/own-codes.ts";
import { RequestLost } from "../net/origin.ts";
import { diagnose } from "./diagnosis.ts";
import { Unavailable } from "./patience.ts";
import { Refused } from "./refused.ts";

/** The agent is gone, or told the bridge to go. */
export class BridgeEnding extends Error {
  constructor() {
    super("the bridge is ending");
    this.name = "BridgeEnding";
  }
}

/** The answer to one request took longer than `--call-timeout`. */
export class CallTimeout extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`);
    this.name = "CallTimeout";
  }
}

/** Returns `rpcErrorOf` with what tailscaled on this machine says to a failed dial. */
export async function errorForAgent(
  error: unknown,
  method: string,
  { url, env, socket }: { readonly url: URL; readonly env: Environment; readonly socket: string | undefined },
): Promise<RpcError> {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return rpcErrorOf(await diagnose(error, { host, env, socket }), method);
}

/** Returns what the agent is told when a request failed on its way: the layer, the reason and the mend. */
export function rpcErrorOf(error: unknown, method: string): RpcError {
  if (error instanceof Refused) return error.rpc;
  if (error instanceof Unavailable) return refusalError(error.answer);
  if (error instanceof TsmcpError) {
    const { layer = "bridge", ...facts } = error.facts;
    const isNetwork = error.code === "dial-failed" || error.code === "proxy-unreachable";
    return told(isNetwork ? "unreachable" : "protocol", {
      message: error.message,
      hint: error.hint,
      data: { layer, ...facts },
    });
  }
  if (error instanceof RequestLost && error.cause instanceof Unavailable) {
    return thatMayHaveRun(refusalError(error.cause.answer));
  }
  if (error instanceof RequestLost) {
    const message = `the connection was lost before the answer to ${JSON.stringify(method)} came; it may have run`;
    return told("lost", { message, data: { layer: "connect", reason: error.message, mayHaveRun: true } });
  }
  if (error instanceof AnswerTooLarge) return tooLarge(`the answer is larger than ${error.maxBytes} bytes`);
  if (error instanceof CallTimeout) {
    return told("timeout", {
      message: `${error.message}; it may have run`,
      data: { layer: "server", mayHaveRun: true },
    });
  }
  if (error instanceof BridgeEnding) return told("ended", { message: error.message, data: { layer: "bridge" } });
  return told("protocol", { message: messageOf(error), data: { layer: "bridge" } });
}

/** Returns what the agent is told of a message that is over the limit. */
export function tooLarge(message: string): RpcError {
  return told("tooLarge", { message, hint: "raise --max-message, or ask for less", data: { layer: "bridge" } });
}

type NoAnswer = Extract<Answer, { kind: "refused" | "foreign" | "accepted" }>;

/** Returns `refusalError`, which says so of a request that may have run though this is all that came of it. */
export function noAnswerError(answer: NoAnswer, method: string): RpcError {
  const error = refusalError(answer);
  const isRefused = answer.kind === "refused" && (answer.status < 500 || ownError(answer.body) !== undefined);
  return isRefused || method === "initialize" || isHarmlessToRepeat(method) ? error : thatMayHaveRun(error);
}

function thatMayHaveRun(error: RpcError): RpcError {
  const data = { ...objectAt({ ...error }, "data"), mayHaveRun: true };
  return { ...error, message: `${error.message}; it may have run`, data };
}

/** Returns the server's own JSON-RPC error where the refusal carries one, else what its status means. */
export function refusalError(answer: NoAnswer): RpcError {
  if (answer.kind === "accepted") {
    return told("protocol", { message: "the server took the request and gave no answer", data: { layer: "http" } });
  }
  if (answer.kind === "foreign") {
    const type = answer.contentType === "" ? "no content type" : JSON.stringify(answer.contentType);
    const message = `the server answered HTTP ${answer.status} with ${type}, which is not MCP`;
    return told("http", { message, hint: "check the URL", data: { layer: "http", status: answer.status } });
  }
  const own = ownError(answer.body);
  if (own !== undefined) return own;
  const { meaning, hint } = meaningOf(answer.status);
  return told("http", {
    message: `the server answered HTTP ${answer.status}: ${meaning}`,
    hint,
    data: { layer: "http", status: answer.status },
  });
}

function ownError(body: unknown): RpcError | undefined {
  if (!isObject(body)) return undefined;
  // Some servers leave the version out of errors that they give outside a session.
  const message = toMessage({ jsonrpc: "2.0", ...body });
  return message.kind === "response" && "error" in message.outcome ? message.outcome.error : undefined;
}

function meaningOf(status: number): { meaning: string; hint: string } {
  if (status === 401)
    return {
      meaning: "it wants credentials",
      hint: 'put a token into a variable and pass it with --header, as "tsmcp bridge --help" shows',
    };
  if (status === 403)
    return { meaning: "it does not let this caller in", hint: "check the tailnet's grants and the server's rules" };
  if (status === 404 || status === 405)
    return { meaning: "there is no MCP server at this path", hint: "check the URL's path" };
  if (status === 413) return { meaning: "the request is too large for it", hint: "send less" };
  if (status === 502)
    return {
      meaning: "what stands in front of it cannot reach it",
      hint: "check that the MCP server runs on that node",
    };
  if (status >= 300 && status < 400)
    return { meaning: "it leads to another address", hint: "use the URL that it leads to" };
  return { meaning: status >= 500 ? "it failed" : "it refused the request", hint: "look into the server's log" };
}

function told(
  kind: keyof typeof ownCodes,
  { message, hint, data }: { message: string; hint?: string | undefined; data: Readonly<Record<string, unknown>> },
): RpcError {
  return {
    code: ownCodes[kind],
    message: strikeSecrets(`tsmcp: ${message}${hint === undefined ? "" : ` (${hint})`}`),
    data: { ...data, ...(hint === undefined ? {} : { hint }) },
  };
}
