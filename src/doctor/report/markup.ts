import { shown } from "./reporting.ts";

/** A piece of HTML that is fit to stand in a page. */
export interface Markup {
  readonly html: string;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * A template whose values are text, stripped and escaped, unless they are markup themselves. Values stand between tags
 * or in quoted attributes, nowhere else.
 */
export function markup(
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Markup | readonly Markup[])[]
): Markup {
  return { html: parts.reduce((html, part, at) => `${html}${inPlace(values[at - 1])}${part}`) };
}

function inPlace(value: string | number | Markup | readonly Markup[] | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "string" || typeof value === "number") {
    return shown(String(value)).replaceAll(/[&<>"']/g, (found) => entities[found] ?? "");
  }
  return "html" in value ? value.html : value.map(({ html }) => html).join("\n");
}
