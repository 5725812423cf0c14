import { connect, createServer, type Socket } from "node:net";
import { listen } from "./listening.ts";

export interface FakeProxyOptions {
  /** Where names lead; a name that is missing does not exist. */
  readonly names?: Readonly<Record<string, number>>;
  /** A free one by default. */
  readonly port?: number;
  readonly credentials?: { readonly username: string; readonly password: string };
}

export interface FakeProxy extends AsyncDisposable {
  readonly port: number;
  /** What was asked for, as `connect host:port`, `socks5 host:port` or `socks4a host:port`. */
  readonly asked: readonly string[];
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Breaks every connection without a word. */
  cut(): void;
}

interface Peer {
  readonly socket: Socket;
  readonly read: (bytes: number) => Promise<Buffer>;
  readonly readThrough: (end: string) => Promise<Buffer>;
}

/** HTTP CONNECT, SOCKS5 and SOCKS4a on one port, told apart by the first byte, with tailscaled's words for failures. */
export async function startFakeProxy(options: FakeProxyOptions = {}): Promise<FakeProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    serve(socket, options, asked).catch(() => socket.destroy());
  });
  const port = await listen(server, options.port);
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port,
    asked,
    get accepted() {
      return accepted;
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((done) => server.close(done));
    },
  };
}

async function serve(socket: Socket, options: FakeProxyOptions, asked: string[]): Promise<void> {
  const peer = reader(socket);
  const [first] = await peer.read(1);
  if (first === 5) return serveSocks5(peer, options, asked);
  if (first === 4) return serveSocks4a(peer, options, asked);
  return serveConnect(peer, options, asked);
}

async function serveConnect({ socket, readThrough }: Peer, options: FakeProxyOptions, asked: string[]): Promise<void> {
  const head = (await readThrough("\r\n\r\n")).toString("latin1");
  const [, host = "", port = ""] = /ONNECT \[?(.*?)\]?:(\d+) HTTP/.exec(head) ?? [];
  asked.push(`connect ${host}:${port}`);
  if (options.credentials !== undefined) {
    const { username, password } = options.credentials;
    const wanted = Buffer.from(`${username}:${password}`).toString("base64");
    if (!head.includes(`Basic ${wanted}\r\n`))
      return void socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
  }
  const failed = (reason: string): void =>
    void socket.end(`HTTP/1.1 500 Internal Server Error\r\nTailscale-Connect-Error: ${reason}\r\n\r\n`);
  const place = placeOf(options, host, Number(port));
  if (place === undefined) return failed(`lookup ${host}: no such host`);
  splice(socket, place, {
    open: () => socket.write("HTTP/1.1 200 OK\r\n\r\n"),
    refused: () => failed("dial tcp: connection was refused"),
  });
}

async function serveSocks5({ socket, read }: Peer, options: FakeProxyOptions, asked: string[]): Promise<void> {
  const methods = await read((await read(1))[0] ?? 0);
  const wants = options.credentials === undefined ? 0 : 2;
  if (!methods.includes(wants)) return void socket.end(Buffer.from([5, 255]));
  socket.write(Buffer.from([5, wants]));
  if (options.credentials !== undefined) {
    await read(1);
    const username = (await read((await read(1))[0] ?? 0)).toString();
    const password = (await read((await read(1))[0] ?? 0)).toString();
    const isRight = username === options.credentials.username && password === options.credentials.password;
    if (!isRight) return void socket.end(Buffer.from([1, 1]));
    socket.write(Buffer.from([1, 0]));
  }
  const [, , , type = 0] = await read(4);
  const host = await (type === 3
    ? read((await read(1))[0] ?? 0).then(String)
    : read(type === 1 ? 4 : 16).then(address));
  const port = (await read(2)).readUInt16BE();
  asked.push(`socks5 ${host}:${port}`);
  const failed = (): void => void socket.end(Buffer.from([5, 1, 0, 1, 0, 0, 0, 0, 0, 0]));
  const place = placeOf(options, host, port);
  if (place === undefined) return failed();
  splice(socket, place, { open: () => socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])), refused: failed });
}

async function serveSocks4a({ socket, read, readThrough }: Peer, options: FakeProxyOptions, asked: string[]) {
  await read(1);
  const port = (await read(2)).readUInt16BE();
  const numbers = await read(4);
  await readThrough("\0");
  const isNamed = numbers.subarray(0, 3).every((byte) => byte === 0);
  const host = isNamed ? (await readThrough("\0")).toString().slice(0, -1) : address(numbers);
  asked.push(`socks4a ${host}:${port}`);
  const failed = (): void => void socket.end(Buffer.from([0, 91, 0, 0, 0, 0, 0, 0]));
  const place = placeOf(options, host, port);
  if (place === undefined) return failed();
  splice(socket, place, { open: () => socket.write(Buffer.from([0, 90, 0, 0, 0, 0, 0, 0])), refused: failed });
}

function placeOf({ names = {} }: FakeProxyOptions, host: string, port: number): number | undefined {
  return names[host] ?? (host === "127.0.0.1" || host === "0:0:0:0:0:0:0:1" ? port : undefined);
}

function splice(socket: Socket, port: number, told: { open: () => void; refused: () => void }): void {
  const upstream = connect({ port, host: "127.0.0.1" });
  upstream.once("error", told.refused);
  upstream.once("connect", () => {
    told.open();
    upstream.pipe(socket);
    socket.pipe(upstream);
  });
  upstream.on("error", () => socket.destroy()).on("close", () => socket.destroy());
  socket.on("close", () => upstream.destroy());
}

function reader(socket: Socket): Peer {
  const take = async (lengthOf: (bytes: Buffer) => number): Promise<Buffer> => {
    let bytes = Buffer.alloc(0);
    for (;;) {
      const length = lengthOf(bytes);
      if (length >= 0 && length <= bytes.length) {
        if (length < bytes.length) socket.unshift(bytes.subarray(length));
        return bytes.subarray(0, length);
      }
      const chunk: unknown = socket.read();
      if (chunk instanceof Buffer) bytes = Buffer.concat([bytes, chunk]);
      else await new Promise((resolve, reject) => socket.once("readable", resolve).once("close", reject));
    }
  };
  return {
    socket,
    read: (bytes) => take(() => bytes),
    readThrough: (end) => take((bytes) => (bytes.includes(end) ? bytes.indexOf(end) + end.length : -1)),
  };
}

function address(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(":");
}
