/** C0, DEL, C1; soft hyphen, zero-width and bidi controls, line and paragraph separators; tags and lone surrogates. */
const unsafe =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/gu;

/** A tool name may be 128 characters long; a reason is a sentence. */
const maxShownChars = 300;

/**
 * Returns what somebody else's machine said, fit for a terminal, a log and a report: one line, no control, bidi,
 * invisible or escape characters, at most `maxChars` characters.
 */
export function plainText(text: string, maxChars = maxShownChars): string {
  const head = text
    .slice(0, maxChars * 4)
    .replace(/[\r\n\t]+/g, " ")
    .replace(unsafe, "");
  const chars = Array.from(head);
  return chars.length <= maxChars ? head : `${chars.slice(0, maxChars).join("")}…`;
}
