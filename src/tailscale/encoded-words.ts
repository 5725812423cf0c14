/**
 * Returns the text of a header value in which tailscaled wrote what is not ASCII as encoded words (RFC 2047 § 2);
 * undefined where an encoded word cannot be read. Linear in the length.
 * Source: tailscale `ipn/ipnlocal/serve.go` encTailscaleHeaderValue, Go `mime.QEncoding`.
 */
export function decodeEncodedWords(value: string): string | undefined {
  if (!value.includes("=?")) return value;
  let text = "";
  let at = 0;
  let isAfterWord = false;
  for (const match of value.matchAll(encodedWord)) {
    const between = value.slice(at, match.index);
    // Blanks between two encoded words belong to neither (RFC 2047 § 6.2).
    text += isAfterWord && between.trim() === "" ? "" : between;
    const bytes = match[2]?.toLowerCase() === "b" ? Buffer.from(match[3] ?? "", "base64") : quotedBytes(match[3] ?? "");
    const charset = match[1]?.toLowerCase();
    if (charset !== "utf-8" && charset !== "us-ascii") return undefined;
    text += bytes.toString("utf8");
    at = match.index + match[0].length;
    isAfterWord = true;
  }
  return text + value.slice(at);
}

/**
 * Returns the header value that tailscaled writes for `text`: as it is where it is ASCII (also where that reads as an encoded
 * word), else encoded words of at most 75 characters, in UTF-8.
 * Source: tailscale `ipn/ipnlocal/serve.go` encTailscaleHeaderValue, Go `mime.QEncoding`.
 */
export function encodeWords(text: string): string {
  if (/^[\x20-\x7e\t]*$/.test(text)) return text;
  const words: string[] = [];
  let word = "";
  for (const character of text) {
    const encoded = quoted(character);
    if (word.length + encoded.length > maxWordChars) {
      words.push(word);
      word = "";
    }
    word += encoded;
  }
  return [...words, word].map((part) => `=?utf-8?q?${part}?=`).join(" ");
}

const encodedWord = /=\?([A-Za-z0-9-]{1,20})\?([bBqQ])\?([!->@-~]*)\?=/g;

/** 75 for a word, less `=?utf-8?q?` and `?=`. */
const maxWordChars = 75 - 12;

function quoted(character: string): string {
  if (character === " ") return "_";
  if (/^[!-<>@-^`-~]$/.test(character)) return character;
  return [...Buffer.from(character, "utf8")]
    .map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`)
    .join("");
}

function quotedBytes(text: string): Buffer {
  return Buffer.from(
    text
      .replaceAll("_", " ")
      .replaceAll(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
}
