import { objectAt, stringAt } from "./json.ts";
import type { Message, RequestMessage } from "./message.ts";

/** The newest version with sessions; everything from 2026-07-28 on is stateless. */
export const newestLegacyVersion = "2025-11-25";
export const legacyVersions: readonly string[] = ["2024-11-05", "2025-03-26", "2025-06-18", newestLegacyVersion];
export const modernVersion = "2026-07-28";

const versionKey = "io.modelcontextprotocol/protocolVersion";
const capabilitiesKey = "io.modelcontextprotocol/clientCapabilities";

/**
 * Returns the modern version that a message says it is written in, or undefined for a legacy one.
 * Source: MCP 2026-07-28, basic/versioning: every request carries it.
 */
export function modernVersionOf(message: Message): string | undefined {
  if (message.kind === "response") return undefined;
  const version = stringAt(objectAt(message.params, "_meta"), versionKey);
  return version !== undefined && isModernVersion(version) ? version : undefined;
}

/** Returns what a modern request lacks that every one has to carry; undefined where it is whole. */
export function envelopeDefect({ params }: RequestMessage): string | undefined {
  const declared = objectAt(objectAt(params, "_meta"), capabilitiesKey);
  return declared === undefined ? `"_meta" has no ${JSON.stringify(capabilitiesKey)}` : undefined;
}

/** Versions are dates. */
export function isModernVersion(version: string): boolean {
  return version > newestLegacyVersion;
}

/** Returns the `_meta` that makes a request of ours a modern one. */
export function modernMeta(version: string): Readonly<Record<string, unknown>> {
  return { [versionKey]: version, [capabilitiesKey]: {} };
}
