import type { IncomingMessage } from "node:http";
import { type Head, type HeadDefect, readHead } from "../head.ts";

/** A request as Node's server has it, or as the web's standards have it. */
export type AnyRequest = IncomingMessage | Request;

function isWebRequest(request: AnyRequest): request is Request {
  return !("rawHeaders" in request);
}

/**
 * Returns the head of a request by the gateway's own rules. A web request has its lines of one name joined already, with
 * ", ": that is no address and nobody's login, so what came twice gives nothing there either.
 */
export function headOf(request: AnyRequest): Head | HeadDefect {
  if (!isWebRequest(request)) return readHead(request);
  const { pathname, search } = new URL(request.url);
  return readHead({
    method: request.method,
    url: `${pathname}${search}`,
    rawHeaders: [...request.headers].flat(),
    headers: {},
  });
}

/**
 * Returns true where only Serve can have sent the request: over a unix socket, or to the secret path. A port of loopback
 * is open to every process of the machine, and on a userspace node to the whole tailnet, and each of them could write
 * the header that says who calls.
 */
export function cameThroughServe(request: AnyRequest, path: string, secretPath: string | undefined): boolean {
  if (secretPath !== undefined) return path.startsWith(`${secretPath}/`);
  return !isWebRequest(request) && isUnixSocket(request.socket);
}

/** A socket that is closed has no addresses either. */
function isUnixSocket({ remoteAddress, localAddress, destroyed }: IncomingMessage["socket"]): boolean {
  return !destroyed && remoteAddress === undefined && localAddress === undefined;
}
