import { createScanner, type Node } from "jsonc-parser";
import { propertiesOf } from "../config/jsonc.ts";
import { formatProperty, indentBefore, indentOfLine, styleOf } from "./text-style.ts";

/** One change of a text: `replaced` at `offset` becomes `inserted`. What is put back undoes it byte for byte. */
export interface Splice {
  readonly offset: number;
  readonly replaced: string;
  readonly inserted: string;
}

export interface Property {
  readonly key: string;
  readonly value: unknown;
}

export function applySplice(text: string, { offset, replaced, inserted }: Splice): string {
  return text.slice(0, offset) + inserted + text.slice(offset + replaced.length);
}

/** Returns the change that puts `property` last into `object`, in the manner of what is there. */
export function insertProperty(text: string, root: Node, object: Node, property: Property): Splice {
  const last = propertiesOf(object).at(-1);
  return last === undefined
    ? insertFirst(text, root, object, property)
    : insertAfter(text, root, { start: last.keyNode.offset, end: last.value.offset + last.value.length }, property);
}

/** Returns the change that takes a property out where the text around it is no longer what it was. */
export function removeProperty(text: string, object: Node, key: string): Splice | undefined {
  const properties = propertiesOf(object);
  const index = properties.findIndex((property) => property.key === key);
  const property = properties[index];
  if (property === undefined) return undefined;
  const start = property.keyNode.offset;
  const end = property.value.offset + property.value.length;
  const comma = scanTail(text, end, { stopAtLine: false }).commaEnd;
  const previous = properties[index - 1];
  const before = previous === undefined ? object.offset + 1 : previous.value.offset + previous.value.length;
  const lead = text.slice(before, start);
  const leadBlank = lead.slice(lead.search(/\s*$/));
  if (comma !== undefined || previous === undefined) {
    return cut(text, start - leadBlank.length, comma ?? end);
  }
  // The last of several: the comma before it goes too, and a comment between the two stays.
  const commaBefore = scanTail(text, before, { stopAtLine: false }).commaEnd;
  if (commaBefore === undefined) return undefined;
  const kept = text.slice(commaBefore, start - leadBlank.length);
  const whole = text.slice(commaBefore - 1, end);
  return { offset: commaBefore - 1, replaced: whole, inserted: kept.trim() === "" ? "" : kept };
}

function cut(text: string, start: number, end: number): Splice {
  return { offset: start, replaced: text.slice(start, end), inserted: "" };
}

function insertAfter(text: string, root: Node, last: { start: number; end: number }, property: Property): Splice {
  const style = styleOf(text, root);
  const tail = scanTail(text, last.end, { stopAtLine: true });
  const replaced = text.slice(last.end, tail.end);
  const indent =
    indentBefore(text, last.start) ?? (tail.endsInLineComment ? indentOfLine(text, last.start) : undefined);
  const separator = indent === undefined ? (style.spaced ? " " : "") : style.eol + indent;
  const comma = tail.commaEnd === undefined ? "," : "";
  return {
    offset: last.end,
    replaced,
    inserted: comma + replaced + separator + formatProperty(property, style, indent),
  };
}

function insertFirst(text: string, root: Node, object: Node, property: Property): Splice {
  const style = styleOf(text, root);
  const close = object.offset + object.length - 1;
  const tail = scanTail(text, object.offset + 1, { stopAtLine: false });
  const start = tail.end;
  const replaced = text.slice(start, close);
  if (!style.multiline && !tail.endsInLineComment) {
    const blank = style.spaced ? " " : "";
    return { offset: start, replaced, inserted: blank + formatProperty(property, style, undefined) + blank };
  }
  const outer = indentBefore(text, close) ?? indentOfLine(text, object.offset);
  const inner = outer + style.unit;
  const inserted = style.eol + inner + formatProperty(property, style, inner) + style.eol + outer;
  return { offset: start, replaced, inserted };
}

/** Token numbers of jsonc-parser's `SyntaxKind`, an enum that erasable TypeScript cannot read. */
const commaToken = 5;
const lineCommentToken = 12;
const blockCommentToken = 13;
const lineBreakToken = 14;
const blankToken = 15;

/** Finds how far the comments and the comma that follow a value reach, on its line or up to the next token. */
function scanTail(
  text: string,
  from: number,
  { stopAtLine }: { stopAtLine: boolean },
): { end: number; commaEnd: number | undefined; endsInLineComment: boolean } {
  const scanner = createScanner(text, false);
  scanner.setPosition(from);
  let tail = { end: from, commaEnd: undefined as number | undefined, endsInLineComment: false };
  for (let token: number = scanner.scan(); ; token = scanner.scan()) {
    const end = scanner.getTokenOffset() + scanner.getTokenLength();
    if (token === commaToken && tail.commaEnd === undefined) tail = { end, commaEnd: end, endsInLineComment: false };
    else if (token === lineCommentToken || token === blockCommentToken) {
      tail = { ...tail, end, endsInLineComment: token === lineCommentToken };
    } else if (token !== blankToken && (token !== lineBreakToken || stopAtLine)) return tail;
  }
}
