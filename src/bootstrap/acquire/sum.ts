import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/** Returns a file's SHA-256 in hex. Throws the system's error. */
export async function sumOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}
