import type { OutgoingHttpHeaders } from "node:http2";
import type { Header, HttpRequest } from "./http-message.ts";

interface Ready {
  readonly method: string;
  readonly target: string;
  readonly headers: OutgoingHttpHeaders;
}

/**
 * Returns what makes requests' headers of one connection, whose scheme and authority stay. Those of a frozen list are made
 * once and then copied: that is how every call of a session comes.
 */
export function createOutgoingHeaders(): (request: HttpRequest) => OutgoingHttpHeaders {
  const known = new WeakMap<readonly Header[], Ready>();
  return (request) => {
    const { method, target, headers, body } = request;
    let ready = known.get(headers);
    if (ready === undefined || ready.method !== method || ready.target !== target) {
      ready = { method, target, headers: headersOf(request) };
      if (Object.isFrozen(headers)) known.set(headers, ready);
    }
    if (body === undefined || ready.headers["content-length"] !== undefined) return ready.headers;
    return { ...ready.headers, "content-length": String(body.byteLength) };
  };
}

function headersOf(request: HttpRequest): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {
    ":method": request.method,
    ":scheme": request.scheme,
    ":authority": request.authority,
    ":path": request.target,
  };
  for (const [name, value] of request.headers) {
    const key = name.toLowerCase();
    const before = headers[key];
    headers[key] = before === undefined ? value : typeof before === "string" ? [before, value] : [...before, value];
  }
  return headers;
}
