import type { Answer } from "./endpoint.ts";
import { modernVersionOf, newestLegacyVersion } from "./era.ts";
import { objectAt, stringAt } from "./json.ts";
import type { RequestMessage, RpcError } from "./message.ts";
import { ownCodes } from "./own-codes.ts";

/** MCP 2026-07-28, "unsupported protocol version". */
const unsupportedVersion = -32022;

/** What servers with sessions say to a request without one. */
const notInitialized = -32000;

/**
 * Returns an error that names both eras, when the server refused a request because it speaks the other one. The code is
 * the server's own where an agent of both eras decides by it.
 */
export function eraMismatch(message: RequestMessage, answer: Answer): RpcError | undefined {
  if (answer.kind !== "refused" || answer.status !== 400) return undefined;
  const error = objectAt(answer.body, "error");
  const words = stringAt(error, "message") ?? "";
  const version = modernVersionOf(message);
  if (version === undefined && message.method === "initialize" && error?.code === unsupportedVersion) {
    return {
      code: unsupportedVersion,
      message: `tsmcp: the agent speaks MCP ${newestLegacyVersion} or older, the server only newer: ${words}`,
      data: error.data,
    };
  }
  if (version !== undefined && error?.code === notInitialized) {
    return {
      code: ownCodes.protocol,
      message: `tsmcp: the agent speaks MCP ${version}, the server ${newestLegacyVersion} or older: ${words}`,
      data: { layer: "mcp" },
    };
  }
  return undefined;
}
