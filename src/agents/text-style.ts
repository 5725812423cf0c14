import type { Node } from "jsonc-parser";
import { propertiesOf } from "../config/jsonc.ts";

/** How a JSON text is laid out, so that what is added to it looks as if it had always been there. */
export interface TextStyle {
  readonly eol: "\n" | "\r\n";
  /** One step of indentation. */
  readonly unit: string;
  /** False for a document on one line. */
  readonly multiline: boolean;
  /** Tells `{ "a": 1 }` from `{"a":1}`. */
  readonly spaced: boolean;
}

export const defaultStyle: TextStyle = { eol: "\n", unit: "  ", multiline: true, spaced: true };

export function styleOf(text: string, root: Node): TextStyle {
  const inside = text.slice(root.offset, root.offset + root.length);
  const [first] = propertiesOf(root);
  const indent = first === undefined ? undefined : indentBefore(text, first.keyNode.offset);
  return {
    eol: text.includes("\r\n") ? "\r\n" : "\n",
    unit: indent === undefined || indent === "" ? defaultStyle.unit : indent,
    multiline: first === undefined || inside.includes("\n"),
    spaced: first === undefined || inside.includes(": "),
  };
}

/** Returns the white space from the line's start to `offset`, or undefined where something else stands there too. */
export function indentBefore(text: string, offset: number): string | undefined {
  const before = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
  return text.lastIndexOf("\n", offset - 1) !== -1 && /^[ \t]*$/.test(before) ? before : undefined;
}

/** Returns the white space with which the line of `offset` starts. */
export function indentOfLine(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, offset))?.[0] ?? "";
}

/** Returns `"key": value`; `indent` is that of the line it starts on, undefined to keep it on one line. */
export function formatProperty(
  { key, value }: { readonly key: string; readonly value: unknown },
  style: TextStyle,
  indent: string | undefined,
): string {
  const colon = style.spaced ? ": " : ":";
  return `${JSON.stringify(key)}${colon}${formatValue(value, style, indent)}`;
}

/** Returns a value as it stands behind its key. Arrays stay on one line: they hold a command's arguments. */
export function formatValue(value: unknown, style: TextStyle, indent: string | undefined): string {
  if (Array.isArray(value)) {
    return `[${value.map((item) => formatValue(item, style, undefined)).join(style.spaced ? ", " : ",")}]`;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = indent === undefined ? undefined : indent + style.unit;
  const properties = Object.entries(value).map(([key, item]) => formatProperty({ key, value: item }, style, inner));
  if (properties.length === 0) return "{}";
  if (indent !== undefined) {
    return `{${style.eol}${properties.map((text) => inner + text).join(`,${style.eol}`)}${style.eol}${indent}}`;
  }
  return style.spaced ? `{ ${properties.join(", ")} }` : `{${properties.join(",")}}`;
}
