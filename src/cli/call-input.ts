import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf, TsmcpError } from "../core/errors.ts";
import { isObject } from "../core/json-object.ts";
import type { JsonObject } from "../mcp/json.ts";

/** More than any server takes, and still no way to fill the memory. */
const maxInputBytes = 64 * 1024 * 1024;

/**
 * Returns the arguments that `word` stands for: JSON, `@FILE` or `-` for stdin; none without it.
 * Throws `usage-invalid` for what is not a JSON object, and for a file that cannot be read.
 */
export async function readCallArguments(
  word: string | undefined,
  { cwd, stdin }: { readonly cwd: string; readonly stdin: AsyncIterable<Uint8Array | string> },
): Promise<JsonObject> {
  if (word === undefined) return {};
  if (word === "-") return toObject(await readAll(stdin), "stdin");
  if (word.startsWith("@")) return toObject(readFile(resolve(cwd, word.slice(1)), word), JSON.stringify(word));
  return toObject(word, "the arguments");
}

function toObject(text: string, place: string): JsonObject {
  let reason = "expected an object";
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (error) {
    reason = messageOf(error);
  }
  throw new TsmcpError({
    code: "usage-invalid",
    message: `${place}: not a JSON object: ${reason}`,
    hint: `write the arguments as JSON: '{"q":"x"}', or name a file: @arguments.json`,
  });
}

function readFile(path: string, word: string): string {
  try {
    return readFileSync(path, "utf8").replace(/^\ufeff/, "");
  } catch (error) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: `${JSON.stringify(word)} cannot be read: ${messageOf(error)}`,
      hint: "write @ and the path of a file that holds a JSON object",
      cause: error,
    });
  }
}

async function readAll(stdin: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxInputBytes) {
      throw new TsmcpError({ code: "usage-invalid", message: `stdin has more than ${maxInputBytes} bytes` });
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}
