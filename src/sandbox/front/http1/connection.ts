import { Readable } from "node:stream";
import type { Socket } from "../../../net/tcp-server.ts";
import { type BodyRead, Http1Answer } from "./answer.ts";
import { readBody } from "./body.ts";
import { type Bytes, readBytes } from "./bytes.ts";
import { type Head, parseHead, type Refusal, refusalText, refused } from "./head.ts";

/** Takes one request; what it refuses by itself ends the connection. */
export type TakeRequest = (head: Head, body: Readable, answer: Http1Answer) => Refusal | undefined;

/** What Go reads of a body that nobody wanted, to keep the connection. Source: Go `net/http` maxPostHandlerReadBytes. */
const maxLeftoverBytes = 256 << 10;

/** Serves HTTP/1 on a connection, request after request, as Go's net/http does. */
export async function serveHttp1(
  socket: Socket,
  { maxHeaderBytes, take }: { readonly maxHeaderBytes: number; readonly take: TakeRequest },
): Promise<void> {
  const bytes = readBytes(socket);
  for (;;) {
    const lines = await bytes.takeLines(isWholeHead, maxHeaderBytes);
    if (lines.kind === "end") return void socket.end();
    const head = lines.kind === "too-long" ? refused("431 Request Header Fields Too Large") : parseHead(lines.text);
    if (head.kind === "refused") return void socket.end(refusalText(head));
    const end = await answerOne(socket, { bytes, head, take });
    if (end === "taken") return;
    if (end === "closed") return void socket.end();
  }
}

/** An empty line ends it; one at its very beginning is an empty request, which is refused. */
function isWholeHead(text: string): boolean {
  return /(^|\n)\r?\n$/.test(text);
}

async function answerOne(
  socket: Socket,
  { bytes, head, take }: { readonly bytes: Bytes; readonly head: Head; readonly take: TakeRequest },
): Promise<"next" | "closed" | "taken"> {
  const body = Readable.from(readBody(bytes, head.framing), { objectMode: false });
  const answer = new Http1Answer(socket, head, bodyReadOf(body, head));
  const cut = (): void => void answer.destroy();
  socket.once("close", cut);
  if (head.expects === "unknown") return expectationFailed(socket);
  if (head.expects === "continue" && head.framing.kind !== "none" && !head.isVersion10) {
    socket.write("HTTP/1.1 100 Continue\r\n\r\n");
  }
  const refusal = take(head, body, answer);
  if (refusal !== undefined) {
    socket.end(refusalText(refusal));
    return "closed";
  }
  await new Promise<void>((resolve) => answer.once("finish", resolve).once("close", resolve).once("taken", resolve));
  socket.off("close", cut);
  if (answer.isTaken) {
    const rest = bytes.release();
    if (rest.length > 0) socket.unshift(rest);
    return "taken";
  }
  if (!answer.writableFinished) socket.destroy();
  if (!answer.isKept) return "closed";
  return (await isReadToTheEnd(body)) ? "next" : "closed";
}

function expectationFailed(socket: Socket): "closed" {
  const date = new Date().toUTCString();
  socket.end(`HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nDate: ${date}\r\nContent-Length: 0\r\n\r\n`);
  return "closed";
}

/** What is too much to be read for nothing is not waited for. */
function bodyReadOf(body: Readable, { framing }: Head): BodyRead {
  if (framing.kind === "none") return () => Promise.resolve("read");
  const end = new Promise<"read" | "broken">((resolve) => {
    body.once("end", () => resolve("read"));
    body.once("error", () => resolve("broken")).once("close", () => resolve("broken"));
  });
  const isLarge = framing.kind === "sized" && framing.length > maxLeftoverBytes;
  return () => (isLarge && !body.readableEnded ? Promise.resolve("broken") : end);
}

async function isReadToTheEnd(body: Readable): Promise<boolean> {
  if (body.readableEnded) return true;
  if (body.destroyed) return false;
  let left = maxLeftoverBytes;
  body.unpipe();
  try {
    for await (const piece of body) {
      left -= Buffer.byteLength(piece);
      if (left < 0) return false;
    }
    return true;
  } catch {
    return false;
  }
}
