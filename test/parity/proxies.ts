import { connect } from "node:net";
import type { ParityCaller } from "./world.ts";

/** Bytes sent to a caller's proxy; what comes back is compared. */
export interface ProxyCase {
  readonly title: string;
  readonly caller?: Exclude<ParityCaller, "internet">;
  readonly bytes: (host: string) => Buffer;
}

const text = (line: (host: string) => string) => (host: string) => Buffer.from(`${line(host)}\r\nHost: x\r\n\r\n`);
const connectTo = (authority: (host: string) => string) => text((host) => `CONNECT ${authority(host)} HTTP/1.1`);

export const proxyCases: readonly ProxyCase[] = [
  { title: "a served port is asked for", bytes: connectTo((host) => `${host}:8443`) },
  { title: "the name is in capitals and ends in a dot", bytes: connectTo((host) => `${host.toUpperCase()}.:8443`) },
  { title: "only the first label is named", bytes: connectTo(() => "server:8443") },
  { title: "a tagged node asks", caller: "agent", bytes: connectTo((host) => `${host}:443`) },
  { title: "nobody listens on the port", bytes: connectTo((host) => `${host}:1`) },
  { title: "an address of the tailnet is named", bytes: connectTo(() => "server:1") },
  { title: "this machine's own loopback is named", bytes: connectTo(() => "127.0.0.1:1") },
  { title: "localhost is named", bytes: connectTo(() => "localhost:1") },
  { title: "a name is unknown", bytes: connectTo(() => "nowhere.invalid:443") },
  { title: "the port is missing", bytes: connectTo(() => "nowhere") },
  { title: "the target is a path", bytes: text(() => "GET / HTTP/1.1") },
  { title: "an absolute URL leads nowhere", bytes: text((host) => `GET http://${host}:1/ HTTP/1.1`) },
  { title: "what is asked is no HTTP", bytes: () => Buffer.from("nonsense\r\n\r\n") },
  { title: "SOCKS5 asks for a port where nobody listens", bytes: (host) => socks(host, 1) },
  { title: "SOCKS5 asks for an unknown name", bytes: () => socks("nowhere.invalid", 443) },
  { title: "SOCKS5 asks to bind", bytes: () => socks("server", 8443, 2) },
  { title: "SOCKS5 offers only a password", bytes: () => Buffer.from([5, 1, 2]) },
];

function socks(host: string, port: number, command = 1): Buffer {
  const request = [5, 1, 0, 5, command, 0, 3, host.length, ...Buffer.from(host), port >> 8, port & 255];
  return Buffer.from(request);
}

/** Sends bytes and returns what came back until the peer was silent, or "…<end>" when it hung up. */
export function exchange(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(bytes));
    const finish = (end: string): void => {
      socket.destroy();
      resolve(plain(Buffer.concat(chunks)) + end);
    };
    socket.once("error", reject);
    socket.once("end", () => finish("<end>"));
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      if (isWhole(Buffer.concat(chunks))) finish("");
    });
  });
}

/** An HTTP answer with its length; a SOCKS failure ends the connection by itself. */
function isWhole(answer: Buffer): boolean {
  const head = answer.toString("latin1");
  const end = head.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (length !== undefined) return answer.length >= end + 4 + Number(length);
  return head.startsWith("HTTP/1.1 200");
}

/** Without the date, and the resolver that the real one names. */
function plain(answer: Buffer): string {
  const isText = answer[0] === "H".charCodeAt(0);
  if (!isText) return answer.toString("hex");
  return answer
    .toString("latin1")
    .replace(/^Date: .*$/im, "Date: D")
    .replaceAll(/^Content-Length: [1-9]\d*$/gim, "Content-Length: N")
    .replaceAll(/ on \d+\.\d+\.\d+\.\d+:53/g, "");
}
