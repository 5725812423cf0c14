import type { Duplex } from "node:stream";
import type { HttpRequest, HttpResponse } from "./http-message.ts";
import { openClient } from "./http2/client.ts";

/** One HTTP/2 connection, many requests. */
export interface Http2Connection {
  /** False once it is closed, broken, or the server said it takes no more requests (GOAWAY). */
  readonly usable: boolean;
  /** Requests under way. */
  readonly inFlight: number;
  /** How many the server takes at once; those beyond wait inside. Infinity until it said so. */
  readonly maxInFlight: number;
  /** True when an upload does not get on and leaves no room for another one of `bodyBytes`. */
  isStuckFor(bodyBytes: number): boolean;
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Tells in milliseconds how long a PING took; rejects when none comes back within `timeoutMs`. */
  ping(timeoutMs: number): Promise<number>;
  /** Ends at once, whatever is under way. */
  destroy(): void;
}

/** How often a connection with requests under way is asked whether it lives, and how long its answer may take. */
export interface Http2Watch {
  readonly everyMs: number;
  readonly timeoutMs: number;
}

/** A host that died without a word is found within 15 s, on a busy machine too; TCP alone takes two hours. */
const usualWatch: Http2Watch = { everyMs: 8_000, timeoutMs: 5_000 };

/** Returns an HTTP/2 connection over `socket`, on which ALPN agreed on `h2`. It breaks by itself when the peer is dead. */
export function openHttp2(socket: Duplex, watch = usualWatch): Http2Connection {
  const client = openClient(socket);
  const timer = setInterval(() => {
    if (client.inFlight > 0) client.ping(watch.timeoutMs).catch((error: Error) => client.fail(error));
  }, watch.everyMs).unref();
  void client.closed.then(() => clearInterval(timer));
  return client;
}
