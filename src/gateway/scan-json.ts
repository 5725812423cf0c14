/** Why a text is not taken, although `JSON.parse` may take it. */
export type JsonDefect =
  | "too deep"
  | "a key twice"
  | "two keys that differ in case only"
  | "the key __proto__"
  | "a number that would arrive as another one";

/** Nothing that MCP or a sensible schema needs is nested deeper, and JSON.stringify is recursive. */
export const maxJsonDepth = 128;

/** Up to here (the message and its `params`) keys that differ in case only are one key to a server written in Go. */
const foldedDepth = 2;

/**
 * Returns the first defect of a JSON text, in one pass without building anything; undefined where there is none. Of a text
 * that is no JSON it returns something or nothing, and never throws: `JSON.parse` is asked after it.
 */
export function jsonDefect(text: string): JsonDefect | undefined {
  const levels: Level[] = [];
  let top: Level | undefined;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case quote: {
        const end = endOfString(text, at);
        if (top?.kind === "object" && top.atKey) {
          const defect = addKey(top, keyText(text, at, end), levels.length);
          if (defect !== undefined) return defect;
          top.atKey = false;
        }
        at = end;
        break;
      }
      case comma:
        if (top !== undefined) top.atKey = true;
        break;
      case openBrace:
      case openBracket:
        if (levels.length === maxJsonDepth) return "too deep";
        top = text.charCodeAt(at) === openBrace ? { kind: "object", atKey: true, keys: [], seen: undefined } : array();
        levels.push(top);
        break;
      case closeBrace:
      case closeBracket:
        levels.pop();
        top = levels.at(-1);
        break;
      default: {
        if (!beginsNumber(text.charCodeAt(at))) break;
        const end = endOfNumber(text, at);
        if (end - at > exactChars && changes(text.slice(at, end))) return "a number that would arrive as another one";
        at = end - 1;
      }
    }
  }
  return undefined;
}

interface Level {
  readonly kind: "object" | "array";
  /** The next string is a key. */
  atKey: boolean;
  readonly keys: string[];
  /** Takes over from `keys` in large objects. */
  seen: Set<string> | undefined;
}

/** Shorter numbers are what they say: 1e99 is the largest. */
const exactChars = 4;

/** Returns true for a digit or a minus. */
export function beginsNumber(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === minus;
}

/** Returns where the number that starts at `start` is over. */
export function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && isInNumber(text.charCodeAt(end))) end += 1;
  return end;
}

/** Digits, and what may stand between them: . + - e E */
function isInNumber(code: number): boolean {
  return beginsNumber(code) || code === 0x2e || code === 0x2b || code === 0x65 || code === 0x45;
}

/** Whether an integer has other digits once it was read and written again, or is too large to be read. */
function changes(number: string): boolean {
  const value = Number(number);
  if (!Number.isFinite(value)) return true;
  return /^-?\d+$/.test(number) && inDigits(value) !== number;
}

/**
 * Returns what an integer is written as, without an exponent. These are the fewest digits that tell it from its neighbours
 * among JavaScript's numbers, and not always its own: 30023997515803312 is one, and becomes 30023997515803310.
 */
function inDigits(value: number): string {
  const [digits = "", exponent] = String(value).split("e+");
  if (exponent === undefined) return digits;
  return digits.replace(".", "").padEnd(Number(exponent) + (value < 0 ? 2 : 1), "0");
}

const minus = 0x2d;
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Searching an array is faster than hashing up to about here. */
const maxLooseKeys = 16;

function array(): Level {
  return { kind: "array", atKey: false, keys: [], seen: undefined };
}

/** Returns where the string that starts at `start` has its closing quote. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslash) before -= 1;
    // An even number of backslashes escape each other.
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

/** An escaped key (`\u006dethod`) is the key that it spells. */
function keyText(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end);
  if (!raw.includes("\\")) return raw;
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    return raw;
  }
}

function addKey(level: Level, key: string, depth: number): JsonDefect | undefined {
  if (key === "__proto__") return "the key __proto__";
  if (has(level, key)) return "a key twice";
  add(level, key);
  if (depth > foldedDepth) return undefined;
  const folded = foldCase(key);
  if (folded === key) return undefined;
  if (has(level, folded)) return "two keys that differ in case only";
  add(level, folded);
  return undefined;
}

/** As Go's `encoding/json` folds names: ſ is an s and the Kelvin sign a k. */
function foldCase(key: string): string {
  return key.toUpperCase().toLowerCase();
}

function has({ keys, seen }: Level, key: string): boolean {
  return seen === undefined ? keys.includes(key) : seen.has(key);
}

function add(level: Level, key: string): void {
  if (level.seen !== undefined) level.seen.add(key);
  else if (level.keys.length < maxLooseKeys) level.keys.push(key);
  else level.seen = new Set([...level.keys, key]);
}
