import { join } from "node:path";
import { dataOf, parseJsonc, placeOf } from "../config/jsonc.ts";
import { readTextFile } from "../config/text-file.ts";
import { isObject } from "../core/json-object.ts";

/**
 * What `.cursor/environment.json` says of a cloud agent's machine: when our code runs there.
 * Source: https://cursor.com/docs/cloud-agent
 */
export type CursorEnvironment =
  | { readonly kind: "missing" }
  | { readonly kind: "invalid"; readonly path: string; readonly reason: string }
  | {
      readonly kind: "read";
      readonly path: string;
      readonly install: string;
      readonly start: string;
    };

export const cursorEnvironmentPath = ".cursor/environment.json";
const maxFileBytes = 1024 * 1024;

export function readCursorEnvironment(workspace: string): CursorEnvironment {
  const path = join(workspace, cursorEnvironmentPath);
  const file = readTextFile(path, maxFileBytes);
  if (file.status === "missing") return { kind: "missing" };
  if (file.status === "invalid") return { kind: "invalid", path, reason: file.reason };
  const parsed = parseJsonc(file.text);
  if (parsed.status === "invalid") {
    const [first] = parsed.defects;
    const reason = first === undefined ? "is not JSON" : `line ${placeOf(file.text, first.offset)}: ${first.message}`;
    return { kind: "invalid", path, reason };
  }
  const value: unknown = dataOf(parsed.root);
  const { install, start } = isObject(value) ? value : {};
  return {
    kind: "read",
    path,
    install: typeof install === "string" ? install : "",
    start: typeof start === "string" ? start : "",
  };
}
