import { startDeadline } from "../../net/deadline.ts";
import { tlsOver } from "../../net/tls.ts";
import type { Route } from "../probe/route.ts";
import { endOf } from "../target.ts";

export const wireLimitMs = 4_000;

/**
 * Sends bytes over a connection of their own and returns the status of the answer, as soon as that is whole or its stream
 * has begun; undefined where there was none in time. `rest` is sent when it is there.
 */
export async function sendBytes(
  route: Route,
  request: {
    readonly bytes: Buffer;
    readonly rest?: Promise<Buffer>;
    readonly isHead?: boolean;
    readonly signal: AbortSignal;
  },
): Promise<number | undefined> {
  const deadline = startDeadline({ signal: request.signal, timeoutMs: wireLimitMs });
  const socket = await openWire(route, deadline.signal);
  try {
    socket.write(request.bytes);
    void request.rest?.then((rest) => socket.write(rest));
    let text = "";
    const onAbort = (): void => void socket.destroy();
    deadline.signal.addEventListener("abort", onAbort, { once: true });
    for await (const chunk of socket) {
      text += Buffer.from(chunk).toString("latin1");
      if (isWhole(text, request.isHead === true)) break;
    }
    const status = /^HTTP\/1\.[01] ([2-5]\d\d)/m.exec(text)?.[1];
    return status === undefined ? undefined : Number(status);
  } catch (error) {
    if (request.signal.aborted) throw error;
    return undefined;
  } finally {
    deadline.stop();
    socket.destroy();
  }
}

/** Returns a connection to the route's server that speaks HTTP/1.1. Throws `dial-failed`. */
export async function openWire(route: Route, signal: AbortSignal): Promise<import("../../net/tls.ts").TLSSocket> {
  const plain = await route.open(signal);
  const { host: servername } = endOf(route.url);
  const { socket } = await tlsOver(plain, { servername, alpn: ["http/1.1"], ca: route.ca, signal });
  return socket;
}

/** A stream that has begun says nothing more of the request. */
function isWhole(text: string, isHead: boolean): boolean {
  const answer = text.replace(/^(?:HTTP\/1\.1 1\d\d [\s\S]*?\r\n\r\n)+/, "");
  const end = answer.indexOf("\r\n\r\n");
  if (end === -1) return false;
  if (isHead) return true;
  const head = answer.slice(0, end + 1);
  if (/^content-type: *text\/event-stream/im.test(head)) return true;
  const length = /^content-length: *(\d+)\r$/im.exec(head)?.[1];
  if (length !== undefined) return answer.length >= end + 4 + Number(length);
  return !/^transfer-encoding: *chunked/im.test(head) || answer.endsWith("0\r\n\r\n");
}
