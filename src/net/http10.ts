import { Duplex } from "node:stream";

/**
 * Returns `socket` as one on which the first request goes out in HTTP/1.0, which needs no Host (RFC 1945): an empty one is left
 * out. Node's client writes HTTP/1.1 only.
 */
export function speakHttp10(socket: Duplex): Duplex {
  let isFirst = true;
  const rewritten = new Duplex({
    read: () => void socket.resume(),
    write(chunk: Buffer, _encoding, done) {
      socket.write(isFirst ? inHttp10(chunk) : chunk, done);
      isFirst = false;
    },
    final: (done) => void socket.end(done),
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk: Buffer) => rewritten.push(chunk) || socket.pause());
  socket.once("end", () => rewritten.push(null));
  socket.on("error", (error) => rewritten.destroy(error));
  socket.once("close", () => rewritten.push(null) || rewritten.destroy());
  return rewritten;
}

function inHttp10(head: Buffer): Buffer {
  const text = head.toString("latin1");
  return Buffer.from(text.replace(/ HTTP\/1\.1\r\n/, " HTTP/1.0\r\n").replace(/\r\nHost: ?\r\n/i, "\r\n"), "latin1");
}
