/** C0 but for line break and tab, DEL, C1; soft hyphen, zero-width and bidi controls, separators; tags, lone surrogates. */
const unsafe =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/gu;

/**
 * Returns what somebody else's machine said, fit for a terminal: its lines, and nothing that moves the cursor, turns the
 * direction of writing, hides or starts an escape sequence.
 */
export function plainLines(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(unsafe, "");
}

/** Returns JSON text in which the same characters are written as escapes, so that it says what it said and shows it. */
export function plainJson(json: string): string {
  return json.replace(unsafe, (found) =>
    Array.from({ length: found.length }, (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, "0")}`).join(
      "",
    ),
  );
}
