const openingBracket = 0x5b;

/** A batch must not stand for millions of messages. */
const maxMessages = 1_000;

/**
 * Returns the texts of the messages in a batch, which agents of MCP 2025-03-26 may send and no later ones: what each asks
 * has to be answered under its own id, or somebody waits for ever. None for anything else.
 */
export function unbatch(bytes: Buffer): readonly Buffer[] {
  if (bytes.find((byte) => byte > 0x20) !== openingBracket) return [];
  try {
    const values: unknown = JSON.parse(bytes.toString("utf8"));
    if (!Array.isArray(values) || values.length > maxMessages) return [];
    return values.map((value) => Buffer.from(JSON.stringify(value)));
  } catch {
    return [];
  }
}
