/**
 * Returns a text as tailscaled writes it into a header: as it is, or as encoded words (RFC 2047 § 2) of at most 75
 * characters, in UTF-8. Source: tailscale `ipn/ipnlocal/serve.go` encTailscaleHeaderValue, Go `mime` QEncoding.
 */
export function encodeHeaderText(text: string): string {
  if (/^[\t\x20-\x7e]*$/.test(text)) return text;
  const words: string[] = [];
  let word = "";
  for (const character of text) {
    const encoded = encodeCharacter(character);
    if (word.length + encoded.length > maxWordChars) {
      words.push(word);
      word = "";
    }
    word += encoded;
  }
  return [...words, word].map((part) => `=?utf-8?q?${part}?=`).join(" ");
}

/** 75 for a word, less the 10 of `=?utf-8?q?` and the 2 of `?=`. */
const maxWordChars = 75 - 10 - 2;

function encodeCharacter(character: string): string {
  if (character === " ") return "_";
  if (/^[!-~]$/.test(character) && !/^[=?_]$/.test(character)) return character;
  return [...Buffer.from(character, "utf8")]
    .map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`)
    .join("");
}
