import type { IncomingMessage } from "node:http";

export type Body =
  | { readonly kind: "whole"; readonly bytes: Buffer }
  /** `head` is its beginning, for whatever id can be told from it. */
  | { readonly kind: "too-large"; readonly head: Buffer }
  | { readonly kind: "broken" };

/** As much as an id can be found in. */
const headBytes = 4 * 1024;

/**
 * Returns the body of a request. What is over the limit is read on and thrown away, up to as much again, because a proxy
 * shows the caller no answer to a request that it could not send; after that the connection is closed.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Body> {
  return new Promise((resolve) => {
    let chunks: Buffer[] = [];
    let head = Buffer.alloc(0);
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      if (chunks.length > 0) head = Buffer.concat(chunks).subarray(0, headBytes);
      chunks = [];
      if (size <= 2 * maxBytes) return;
      request.pause();
      resolve({ kind: "too-large", head });
    });
    request.once("end", () => {
      if (size > maxBytes) resolve({ kind: "too-large", head });
      else
        resolve({
          kind: "whole",
          bytes: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks),
        });
    });
    request.once("close", () => resolve({ kind: "broken" }));
    request.once("error", () => resolve({ kind: "broken" }));
  });
}
