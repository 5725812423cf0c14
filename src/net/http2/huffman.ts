/**
 * Returns the text that a Huffman code stands for, or undefined for what is none. The code is canonical: the symbols of one
 * length have codes that follow each other, so the lengths say all. Source: RFC 7541 §5.2 and appendix B.
 */
export function decodeHuffman(bytes: Uint8Array): string | undefined {
  const text = Buffer.allocUnsafe(Math.ceil((bytes.length * 8) / shortestCode));
  let size = 0;
  let code = 0;
  let bits = 0;
  for (const byte of bytes) {
    for (let shift = 7; shift >= 0; shift--) {
      code = (code << 1) | ((byte >>> shift) & 1);
      bits += 1;
      const place = code - (firstCodes[bits] ?? 0);
      if (place >= (counts[bits] ?? 0)) continue;
      const symbol = symbols[(firstPlaces[bits] ?? 0) + place] ?? endOfString;
      if (symbol === endOfString) return undefined;
      text[size++] = symbol;
      code = 0;
      bits = 0;
    }
  }
  // What is left is the beginning of the end of the string: less than a byte of ones.
  if (bits > 7 || code !== (1 << bits) - 1) return undefined;
  return text.toString("latin1", 0, size);
}

const endOfString = 256;
const shortestCode = 5;
const longestCode = 30;

/** The lengths of the codes of 0 to 256, each a digit of base 36. */
const lengths =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad67777777777777777777777878djde6" +
  "f56565666577666567655677777fbedskmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrqu";

const lengthOf = Array.from(lengths, (digit) => Number.parseInt(digit, 36));
/** By code, which is by length and then by symbol. */
const symbols = Array.from(lengthOf.keys()).sort((one, other) => (lengthOf[one] ?? 0) - (lengthOf[other] ?? 0));
const counts = new Int32Array(longestCode + 1);
for (const length of lengthOf) counts[length] = (counts[length] ?? 0) + 1;
/** Of each length: its first code, and the place of that code's symbol. */
const firstCodes = new Int32Array(longestCode + 1);
const firstPlaces = new Int32Array(longestCode + 1);
for (let length = 1; length <= longestCode; length++) {
  firstPlaces[length] = (firstPlaces[length - 1] ?? 0) + (counts[length - 1] ?? 0);
  firstCodes[length] = ((firstCodes[length - 1] ?? 0) + (counts[length - 1] ?? 0)) << 1;
}
