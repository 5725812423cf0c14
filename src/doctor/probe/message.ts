import { version } from "../../core/version.ts";
import type { Header } from "../../net/http-message.ts";

/** The newest legacy version, which every legacy server answers with one it knows. */
export const legacyVersion = "2025-11-25";
export const modernVersion = "2026-07-28";
const clientInfo = { name: "tsmcp-doctor", version };

/** One JSON-RPC message and the headers that belong to it. */
export interface McpMessage {
  readonly method: string;
  /** Undefined for a notification. */
  readonly id: number | undefined;
  readonly body: string | Uint8Array;
  readonly headers: readonly Header[];
  /** In the place of `POST`. */
  readonly httpMethod?: string;
  /** In the place of `application/json`, and of both kinds of answer; empty: none is sent. */
  readonly contentType?: string;
  readonly accept?: string;
  /** Written as no ordinary client writes it. */
  readonly isOdd?: true;
}

export function initializeMessage(protocolVersion = legacyVersion): McpMessage {
  return request("initialize", { protocolVersion, capabilities: {}, clientInfo }, []);
}

export function initializedMessage(session: readonly Header[]): McpMessage {
  const method = "notifications/initialized";
  return { method, id: undefined, body: JSON.stringify({ jsonrpc: "2.0", method }), headers: session };
}

/** A legacy request, within `session` (its id and version headers; empty: as if there were none). */
export function legacyMessage(method: string, params: object, session: readonly Header[]): McpMessage {
  return request(method, params, session);
}

/**
 * A request of the stateless era: what it needs stands in it.
 * Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports
 */
export function modernMessage(method: string, params: object): McpMessage {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": modernVersion,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": clientInfo,
  };
  const name: Header[] = "name" in params && typeof params.name === "string" ? [["Mcp-Name", params.name]] : [];
  return request(method, { ...params, _meta: meta }, [
    ["MCP-Protocol-Version", modernVersion],
    ["Mcp-Method", method],
    ...name,
  ]);
}

/** The headers of a session that `initialize` opened. */
export function sessionHeaders(session: { readonly id: string | undefined; readonly version: string }): Header[] {
  const version: Header = ["MCP-Protocol-Version", session.version];
  return session.id === undefined ? [version] : [["Mcp-Session-Id", session.id], version];
}

function request(method: string, params: object, headers: readonly Header[]): McpMessage {
  return { method, id: 1, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }), headers };
}
