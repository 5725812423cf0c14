import { connect, type TLSSocket } from "node:tls";
import type { ForgedRequest } from "./request-generator.ts";

export interface RawTarget {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly ca: Buffer;
}

/** Sends requests as their bytes are, one after another on one connection as long as that lasts. */
export interface RawVisitor {
  /** Everything that came back, head and body; nothing where the connection was reset, in the handshake too. */
  send(request: ForgedRequest): Promise<string>;
  close(): void;
}

/** An answer that never ends (a stream) is read for so long. */
const answerLimitMs = 1_500;

export function rawVisitor(target: RawTarget): RawVisitor {
  let socket: TLSSocket | undefined;
  return {
    async send(request) {
      if (socket === undefined || socket.destroyed || !socket.writable) socket = await dial(target);
      if (socket === undefined) return "";
      const { text, isOver } = await exchange(socket, request);
      if (isOver) socket.destroy();
      return text;
    },
    close: () => void socket?.destroy(),
  };
}

/** Returns undefined where the other end resets the connection before the handshake is done. */
function dial({ host, address, port, ca }: RawTarget): Promise<TLSSocket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, servername: host, ca, ALPNProtocols: ["http/1.1"] });
    // Listened to for as long as the socket lives: a reset may come at any time, and ends in `close`.
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET") resolve(undefined);
      else reject(error);
    });
    socket.once("secureConnect", () => resolve(socket));
  });
}

function exchange(socket: TLSSocket, { bytes, isHead }: ForgedRequest): Promise<{ text: string; isOver: boolean }> {
  return new Promise((resolve) => {
    let text = "";
    const done = (isOver: boolean): void => {
      clearTimeout(timer);
      socket.off("data", onData).off("close", onClose);
      resolve({ text, isOver: isOver || /^connection: close\r$/im.test(text) });
    };
    const onData = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      if (isWhole(text, isHead)) done(false);
    };
    const onClose = (): void => done(true);
    const timer = setTimeout(() => done(true), answerLimitMs);
    socket.on("data", onData).once("close", onClose);
    socket.write(bytes);
  });
}

function isWhole(text: string, isHead: boolean): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const head = text.slice(0, end + 2);
  if (isHead || /^HTTP\/1\.1 (204|304)/.test(head)) return true;
  if (/^HTTP\/1\.1 1\d\d/.test(head)) return head.startsWith("HTTP/1.1 101");
  const length = /^content-length: (\d+)\r$/im.exec(head)?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length);
  return text.endsWith("0\r\n\r\n");
}
