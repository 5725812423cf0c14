import { isObject } from "../core/json-object.ts";
import { type JsonObject, objectAt, stringAt } from "../mcp/json.ts";

/** Returns a server's tools as a table: name, arguments (optional ones in brackets), and what each does, in a line. */
export function toolsText(tools: readonly JsonObject[]): string {
  if (tools.length === 0) return "no tools\n";
  const rows = tools.map((tool) => ({
    call: [stringAt(tool, "name") ?? "", ...argumentNames(tool.inputSchema)].join(" "),
    does: firstLine(stringAt(tool, "description") ?? stringAt(tool, "title") ?? ""),
  }));
  const width = Math.min(maxColumn, Math.max(...rows.map(({ call }) => call.length)));
  return rows.map(({ call, does }) => `${`${call.padEnd(width)}  ${does}`.trimEnd()}\n`).join("");
}

/** A tool with thirty arguments must not push every description out of sight. */
const maxColumn = 48;
const maxDescription = 160;

function argumentNames(schema: unknown): string[] {
  const required = isObject(schema) && Array.isArray(schema.required) ? schema.required : [];
  return Object.keys(objectAt(schema, "properties") ?? {}).map((name) =>
    required.includes(name) ? name : `[${name}]`,
  );
}

function firstLine(text: string): string {
  const line = text.trim().split(/\r\n?|\n/)[0] ?? "";
  return line.length > maxDescription ? `${line.slice(0, maxDescription)}…` : line;
}
