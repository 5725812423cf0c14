import type { Socket } from "../../net/tcp-server.ts";

/** A client that wants to go somewhere, and how it is told how that went. */
export interface Opening {
  readonly kind: "connect";
  /** `host:port`, as it was written. */
  readonly authority: string;
  succeed(socket: Socket, local: { readonly address: string; readonly port: number }): void;
  /** Returns whether the client may ask again on the same connection. */
  fail(socket: Socket, reason: string): boolean;
}

export type OpeningResult =
  | Opening
  /** Something else was asked for; the connection stays. */
  | { readonly kind: "answered"; readonly answer: string }
  /** A request for an `http://` URL, of which the sandbox can only say whether anybody is there. */
  | { readonly kind: "plain"; readonly authority: string; answer(isThere: boolean): string }
  /** The connection ends with the answer. */
  | { readonly kind: "refused"; readonly answer: string | Buffer };

/** Returns the first bytes, as many as `lengthOf` finds complete. */
type Read = (lengthOf: (bytes: Buffer) => number | undefined) => Promise<Buffer>;

/** Source: tailscale `net/proxymux/mux.go`, `net/socks5/socks5.go`, `cmd/tailscaled/proxy.go`. */
export async function readOpening(socket: Socket, read: Read): Promise<OpeningResult> {
  const head = await read((bytes) => (bytes.length === 0 ? undefined : bytes[0] === 5 ? 0 : httpHeadLength(bytes)));
  return head.length === 0 ? readSocks(socket, read) : parseHttp(head.toString("latin1"));
}

async function readSocks(socket: Socket, read: Read): Promise<OpeningResult> {
  const greeting = await read((bytes) => (bytes.length < 2 ? undefined : 2 + (bytes[1] ?? 0)));
  if (!greeting.subarray(2).includes(0)) return { kind: "refused", answer: Buffer.from([5, 255]) };
  socket.write(Buffer.from([5, 0]));
  const request = await read(socksRequestLength);
  if (request[1] !== 1) return { kind: "refused", answer: socksAnswer(7) };
  const length = request.length;
  const host = request[3] === 3 ? request.toString("latin1", 5, length - 2) : addressText(request.subarray(4, -2));
  return {
    kind: "connect",
    authority: `${host}:${request.readUInt16BE(length - 2)}`,
    succeed: (to, local) => void to.write(socksAnswer(0, local)),
    fail: (to) => {
      to.end(socksAnswer(1));
      return false;
    },
  };
}

function socksRequestLength(bytes: Buffer): number | undefined {
  const [, , , type, first] = bytes;
  if (type === undefined || first === undefined) return undefined;
  // 4 before the address and 2 for the port; a name is led by its length.
  return 6 + (type === 1 ? 4 : type === 4 ? 16 : 1 + first);
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  return `[${Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16)).join(":")}]`;
}

function socksAnswer(code: number, local = { address: "0.0.0.0", port: 0 }): Buffer {
  const port = Buffer.alloc(2);
  port.writeUInt16BE(local.port);
  return Buffer.concat([Buffer.from([5, code, 0, 1, ...local.address.split(".").map(Number)]), port]);
}

function httpHeadLength(bytes: Buffer): number | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  return end === -1 ? undefined : end + 4;
}

function parseHttp(head: string): OpeningResult {
  const [, method, target = ""] = /^([!-~]+) ([!-~]+) HTTP\/1\.[01]\r\n/.exec(head) ?? [];
  if (method === undefined) {
    const text = "400 Bad Request";
    const answer = `HTTP/1.1 ${text}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${text}`;
    return { kind: "refused", answer };
  }
  if (method !== "CONNECT") {
    const text = "bogus RequestURI; must be absolute URL or CONNECT\n";
    const authority = /^http:\/\/([^/?#]*)/i.exec(target)?.[1];
    if (authority === undefined) return { kind: "answered", answer: textAnswer("400 Bad Request", [], text) };
    return {
      kind: "plain",
      authority: /:\d+$/.test(authority) ? authority : `${authority}:80`,
      answer: (isThere) =>
        isThere
          ? textAnswer("501 Not Implemented", [], "the sandbox does not imitate http:// through a proxy; use CONNECT\n")
          : httpAnswer("502 Bad Gateway", [], ""),
    };
  }
  return {
    kind: "connect",
    authority: target,
    succeed: (to) => void to.write("HTTP/1.1 200 OK\r\n\r\n"),
    fail: (to, reason) => {
      const header = `Tailscale-Connect-Error: ${reason}`;
      to.write(textAnswer("500 Internal Server Error", [header], `${reason}\n`));
      return true;
    },
  };
}

function textAnswer(status: string, headers: readonly string[], text: string): string {
  const all = ["Content-Type: text/plain; charset=utf-8", ...headers, "X-Content-Type-Options: nosniff"];
  return httpAnswer(status, all, text);
}

function httpAnswer(status: string, headers: readonly string[], text: string): string {
  const own = [`Date: ${new Date().toUTCString()}`, `Content-Length: ${Buffer.byteLength(text)}`];
  return [`HTTP/1.1 ${status}`, ...headers, ...own, "", text].join("\r\n");
}
