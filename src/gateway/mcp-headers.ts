import { objectAt, stringAt } from "../mcp/json.ts";
import type { RequestMessage } from "../mcp/message.ts";
import { headersOfArguments, type ParamHeader } from "../mcp/param-headers.ts";
import { decodedValue, mirroredName } from "../mcp/request-headers.ts";
import { type Head, type Line, twice } from "./head.ts";

export const headerMismatch = -32020;

/**
 * Returns how the headers of a modern request disagree with its body, which decides; undefined where they agree.
 * Source: MCP 2026-07-28 basic/transports, SEP-2243.
 */
export function headerDefect(head: Head, { method, params }: RequestMessage): string | undefined {
  if (!says(head.mcpMethod, method)) return `Mcp-Method ${mismatch(head.mcpMethod)}`;
  const name = mirroredName(method, params);
  if (name !== undefined && !says(head.mcpName, name)) return `Mcp-Name ${mismatch(head.mcpName)}`;
  return undefined;
}

/** Returns the same of the version, which decides how all the rest is read. */
export function versionDefect({ protocolVersion }: Head, version: string): string | undefined {
  return says(protocolVersion, version) ? undefined : `MCP-Protocol-Version ${mismatch(protocolVersion)}`;
}

/**
 * Returns how the headers that mirror a call's arguments disagree with them, as far as the tool is known here. Which
 * arguments those are, the tool says. Source: MCP 2026-07-28, SEP-2243.
 */
export function paramDefect(
  { params: lines }: Head,
  { params }: RequestMessage,
  paramHeaders: ReadonlyMap<string, readonly ParamHeader[]>,
): string | undefined {
  const wanted = paramHeaders.get(stringAt(params, "name") ?? "") ?? [];
  const mirrored = new Map(headersOfArguments(wanted, objectAt(params, "arguments")));
  for (const { name } of wanted) {
    const key = `mcp-param-${name.toLowerCase()}`;
    const value = mirrored.get(key);
    const line = lines.get(key);
    const agrees = value === undefined ? line === undefined : says(line, decodedValue(value) ?? value);
    if (!agrees) return `Mcp-Param-${name} ${mismatch(line)}`;
  }
  return undefined;
}

/** Returns the same for a legacy request, which need not have those headers: they must not say something else. */
export function legacyHeaderDefect(
  { mcpMethod, mcpName }: Head,
  { method, params }: RequestMessage,
): string | undefined {
  if (mcpMethod !== undefined && !says(mcpMethod, method)) return `Mcp-Method ${mismatch(mcpMethod)}`;
  const name = mirroredName(method, params);
  return mcpName !== undefined && (name === undefined || !says(mcpName, name))
    ? `Mcp-Name ${mismatch(mcpName)}`
    : undefined;
}

function says(line: Line, value: string): boolean {
  return typeof line === "string" && decodedValue(line) === value;
}

function mismatch(line: Line): string {
  if (line === undefined) return "is missing";
  return line === twice ? "is there twice" : "says something else than the body";
}
