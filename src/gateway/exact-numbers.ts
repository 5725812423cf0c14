import { isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
import { beginsNumber, endOfNumber, endOfString } from "./scan-json.ts";

/**
 * Brings integers that JavaScript's numbers cannot hold (2^53 and some above) through the gateway as they came: between
 * reading and writing they stand as texts behind a mark that nobody outside can know.
 */
export interface ExactNumbers {
  /** Returns the JSON with such integers as marked texts; the same bytes where there is none. */
  readonly hold: (json: Buffer) => Buffer;
  /** Returns the JSON with the integers in the place of the marked texts. */
  readonly release: (json: string) => string;
}

/** Every integer of fewer digits is written as it was read. */
const leastDigits = 16;

export function createExactNumbers(): ExactNumbers {
  const mark = randomBytes(12).toString("hex");
  const marked = new RegExp(`"${mark}(-?[0-9]+)"`, "g");
  let hasHeld = false;
  return {
    hold(json) {
      if (!hasLongDigits(json) || !isUtf8(json)) return json;
      const text = marking(json.toString("utf8"), mark);
      if (text === undefined) return json;
      hasHeld = true;
      return Buffer.from(text);
    },
    // Until there was one there is nothing to look for.
    release: (json) => (hasHeld ? json.replaceAll(marked, "$1") : json),
  };
}

/** Looks at every sixteenth byte: so many digits in a row are at one of them. */
function hasLongDigits(json: Buffer): boolean {
  for (let at = leastDigits - 1; at < json.length; at += leastDigits) {
    if (!isDigit(json[at])) continue;
    let start = at;
    while (isDigit(json[start - 1])) start -= 1;
    let end = at + 1;
    while (isDigit(json[end])) end += 1;
    if (end - start >= leastDigits) return true;
  }
  return false;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** Returns undefined where there is nothing to mark. */
function marking(text: string, mark: string): string | undefined {
  let written = "";
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at);
    else if (beginsNumber(code)) {
      const end = endOfNumber(text, at);
      const number = text.slice(at, end);
      if (integer.test(number) && String(Number(number)) !== number) {
        written += `${text.slice(from, at)}"${mark}${number}"`;
        from = end;
      }
      at = end - 1;
    }
  }
  return from === 0 ? undefined : written + text.slice(from);
}

const quote = 0x22;

/** As JSON has them: without a zero in front. */
const integer = /^-?[1-9][0-9]{15,}$/;
