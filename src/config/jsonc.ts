import { createScanner, type Node, type ParseError, parseTree } from "jsonc-parser";

/** A JSON document with comments and trailing commas, and where each of its values stands. */
export type JsoncResult =
  | { readonly status: "ok"; readonly root: Node }
  | { readonly status: "invalid"; readonly defects: readonly TextDefect[] };

/** One defect of a text: the place in UTF-16 units, and what is wrong there. */
export interface TextDefect {
  readonly offset: number;
  readonly message: string;
}

/** Deeper than any configuration, and shallow enough for the recursion of a parser. */
const maxDepth = 100;

/** One slip makes a parser stumble on; what follows the first ones is noise. */
const maxSyntaxDefects = 10;

export function parseJsonc(text: string): JsoncResult {
  if (isBlank(text)) return { status: "invalid", defects: [{ offset: 0, message: "the file is empty" }] };
  const tooDeep = offsetOfDepth(text, maxDepth);
  if (tooDeep !== undefined) {
    return { status: "invalid", defects: [{ offset: tooDeep, message: `nested deeper than ${maxDepth} levels` }] };
  }
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  if (errors.length > 0 || root === undefined) return { status: "invalid", defects: syntaxDefects(text, errors) };
  return { status: "ok", root };
}

/** Returns `LINE:COLUMN`, both counted from 1. */
export function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/);
  return `${before.length}:${(before.at(-1) ?? "").length + 1}`;
}

/** Returns the properties of an object, in order; none for any other value. */
export function propertiesOf(node: Node): readonly { key: string; keyNode: Node; value: Node }[] {
  if (node.type !== "object") return [];
  return (node.children ?? []).flatMap((property) => {
    const [keyNode, value] = property.children ?? [];
    return keyNode === undefined || value === undefined ? [] : [{ key: String(keyNode.value), keyNode, value }];
  });
}

/** Returns the value as data. Objects have no prototype, so that `__proto__` is a key as any other. */
export function dataOf(node: Node): unknown {
  if (node.type === "array") return (node.children ?? []).map(dataOf);
  if (node.type !== "object") return node.value;
  const object: Record<string, unknown> = Object.create(null);
  for (const { key, value } of propertiesOf(node)) object[key] = dataOf(value);
  return object;
}

/** Returns every key that stands twice in its object; readers disagree on which of the two counts. */
export function duplicateKeys(node: Node, depth: "own" | "all" = "all"): readonly TextDefect[] {
  const seen = new Set<string>();
  const defects: TextDefect[] = [];
  for (const { key, keyNode, value } of propertiesOf(node)) {
    if (seen.has(key)) defects.push({ offset: keyNode.offset, message: `the key ${JSON.stringify(key)} stands twice` });
    seen.add(key);
    if (depth === "all") defects.push(...duplicateKeys(value));
  }
  if (node.type === "array" && depth === "all") {
    defects.push(...(node.children ?? []).flatMap((item) => duplicateKeys(item)));
  }
  return defects;
}

function isBlank(text: string): boolean {
  return /^\s*$/.test(text);
}

/** Token numbers of jsonc-parser's `SyntaxKind`, an enum that erasable TypeScript cannot read. */
const openTokens = new Set([1, 3]);
const closeTokens = new Set([2, 4]);
const endOfFileToken = 17;

function offsetOfDepth(text: string, limit: number): number | undefined {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (let token: number = scanner.scan(); token !== endOfFileToken; token = scanner.scan()) {
    if (openTokens.has(token)) depth += 1;
    if (closeTokens.has(token)) depth -= 1;
    if (depth > limit) return scanner.getTokenOffset();
  }
  return undefined;
}

/** By jsonc-parser's `ParseErrorCode`. */
const syntaxMessages: Readonly<Record<number, string>> = {
  1: "expected a value",
  2: "not a number",
  3: "expected a key in double quotes",
  4: "expected a value",
  5: "expected a colon",
  6: "expected a comma",
  7: "expected a closing brace",
  8: "expected a closing bracket",
  9: "expected the end of the file",
  10: "comments are not allowed here",
  11: "the comment has no end",
  12: "the string has no end",
  13: "the number has no end",
  14: "not a Unicode escape",
  15: "not an escape sequence",
  16: "a control character in a string",
};

/** After a slip the parser stumbles over the rest of the line, so that only the first of each line is told. */
function syntaxDefects(text: string, errors: readonly ParseError[]): readonly TextDefect[] {
  const lineOf = (offset: number): string | undefined => placeOf(text, offset).split(":")[0];
  const firsts = errors
    .slice(0, maxSyntaxDefects)
    .filter(({ offset }, index) => index === 0 || lineOf(offset) !== lineOf(errors[index - 1]?.offset ?? 0));
  const defects = firsts.map(({ error, offset }) => ({ offset, message: syntaxMessages[error] ?? "not JSON" }));
  return defects.length > 0 ? defects : [{ offset: 0, message: "expected a value" }];
}
