/**
 * Returns what puts `[secret]` in the place of each of `secrets` in JSON or text that a server sent: one that repeats the
 * token it was shown, in an error say, must not put it into the agent's conversation or a log. The same bytes come back
 * when there is none in them.
 */
export function striker(secrets: readonly string[]): (bytes: Buffer) => Buffer {
  const spellings = secrets.flatMap((secret) => {
    const json = JSON.stringify(secret).slice(1, -1);
    return [secret, json, json.replaceAll("/", "\\/"), json.replaceAll(/[<>&]/g, asGoWrites)];
  });
  // The longest first: one may be part of another.
  const needles = [...new Set(spellings)]
    .sort((one, other) => other.length - one.length)
    .map((one) => Buffer.from(one));
  if (needles.length === 0) return (bytes) => bytes;
  return (bytes) => {
    if (!needles.some((needle) => bytes.includes(needle))) return bytes;
    const struck = needles.reduce(
      (text, needle) => text.replaceAll(needle.toString("latin1"), "[secret]"),
      bytes.toString("latin1"),
    );
    return Buffer.from(struck, "latin1");
  };
}

/** Go's JSON escapes what HTML reads; PHP's escapes the slash. Source: go encoding/json HTMLEscape, php json_encode. */
function asGoWrites(character: string): string {
  return `\\u00${character.charCodeAt(0).toString(16)}`;
}
