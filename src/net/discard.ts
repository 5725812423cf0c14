import type { Readable } from "node:stream";

/** What ends by itself ends soon, and its connection can be used again. */
const lingerMs = 250;

/** Reads to its end what nobody wants, so that its connection is free for others; breaks it off where it goes on and on. */
export function discard(body: Readable): void {
  body.on("error", () => {});
  const timer = setTimeout(() => body.destroy(), lingerMs).unref();
  body.once("close", () => clearTimeout(timer));
  body.resume();
}
