import { connect } from "node:tls";

/** Bytes sent to the internet's side; what the backend got and what came back are compared. */
export interface FramingCase {
  readonly title: string;
  /** The request after its first lines, which name the server, from the next header on. */
  readonly rest: string;
  /** In the place of `POST /a HTTP/1.1`. */
  readonly line?: string;
  /** How many answers there are; one that hangs up has none more. */
  readonly answers?: number;
}

const sized = "Content-Length: 5\r\n\r\nhello";
const chunked = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
const line = (method: string): string => `${method} /a HTTP/1.1`;

/** How a request may be framed, and what a smuggler would try. */
export const framingCases: readonly FramingCase[] = [
  ...["GET", "DELETE", "OPTIONS", "PUT", "PROPFIND"].flatMap((method): FramingCase[] => [
    { title: `${method} has a body with a length`, line: line(method), rest: sized },
    { title: `${method} has a body in chunks`, line: line(method), rest: chunked },
  ]),
  { title: "the length and the chunks are both declared", rest: `Content-Length: 5\r\n${chunked}` },
  { title: "the length comes after the chunks", rest: `Transfer-Encoding: chunked\r\n${sized}` },
  { title: "chunked is declared twice", rest: `Transfer-Encoding: chunked\r\n${chunked}` },
  { title: "chunked is written in capitals", rest: chunked.replace("chunked", "CHUNKED") },
  { title: "chunked is written with a tab before it", rest: chunked.replace(" chunked", "\tchunked") },
  { title: "another encoding comes before chunked", rest: chunked.replace("chunked", "gzip, chunked") },
  { title: "the encoding is identity", rest: `Transfer-Encoding: identity\r\n${sized}` },
  { title: "the length is declared twice", rest: `Content-Length: 5\r\n${sized}` },
  { title: "two lengths differ", rest: `Content-Length: 4\r\n${sized}` },
  { title: "the length is a list", rest: sized.replace("5", "5, 5") },
  { title: "the length has a sign", rest: sized.replace("5", "+5") },
  { title: "the length begins with a zero", rest: sized.replace("5", "05") },
  { title: "the length is negative", rest: sized.replace("5", "-5") },
  { title: "the length is empty", rest: "Content-Length:\r\n\r\n" },
  { title: "the length has a blank before its colon", rest: sized.replace(":", " :") },
  { title: "a header is folded", rest: `X-Fold: a\r\n b\r\n\tc\r\n${sized}` },
  { title: "the length is folded", rest: sized.replace(" 5", "\r\n 5") },
  { title: "lines end without a carriage return", rest: sized.replaceAll("\r\n", "\n") },
  { title: "a value has a carriage return alone", rest: `X-A: a\rContent-Length: 0\r\n${sized}` },
  { title: "a value has a NUL", rest: `X-A: a\0b\r\n${sized}` },
  { title: "a value is not ASCII", rest: `X-A: \u00e9\r\n${sized}` },
  { title: "a name has a blank in it", rest: `X A: b\r\n${sized}` },
  { title: "two hosts are named", rest: `Host: other\r\n${sized}` },
  { title: "the host is none", line: "POST https:///a HTTP/1.1", rest: sized },
  { title: "a name is empty", rest: `: b\r\n${sized}` },
  { title: "a line has no colon", rest: `nonsense\r\n${sized}` },
  { title: "a chunk has an extension", rest: chunked.replace("5\r\n", "5;a=b\r\n") },
  { title: "a chunk's size begins with zeros", rest: chunked.replace("5\r\n", "0005\r\n") },
  { title: "a chunk's size is no number", rest: chunked.replace("5\r\n", "x\r\n") },
  { title: "names have underscores", rest: `Content_Length: 0\r\nTransfer_Encoding: chunked\r\n${sized}` },
  { title: "a body waits to be asked for", rest: `Expect: 100-continue\r\n${sized}` },
  { title: "something else is expected", rest: `Expect: nothing\r\n${sized}` },
  { title: "the method is unknown", line: line("NOTIFY2"), rest: sized },
  { title: "the method is in small letters", line: line("post"), rest: sized },
  { title: "the target has a blank", line: "POST /a b HTTP/1.1", rest: sized },
  { title: "the version is 1.0", line: "POST /a HTTP/1.0", rest: sized },
  {
    title: "the version is 1.0 and the connection is kept",
    line: "POST /a HTTP/1.0",
    rest: `Connection: keep-alive\r\n${sized}`,
  },
  { title: "the version is 1.2", line: "POST /a HTTP/1.2", rest: sized },
  { title: "the version is 2.0", line: "POST /a HTTP/2.0", rest: sized },
  { title: "the connection is to be closed", rest: `Connection: close\r\n${sized}` },
  { title: "an empty line comes first", line: `\r\n${line("POST")}`, rest: sized },
  { title: "two requests come at once", rest: `${sized}${line("POST")}\r\nHost: x\r\n${sized}`, answers: 2 },
  { title: "there is a length and no body to upgrade", rest: `Connection: Upgrade\r\nUpgrade: x\r\n${sized}` },
];

export interface PublicEnd {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
}

/** Returns what came back: so many answers, or all until the connection ended. */
export function sendBytes({ host, port, ca }: PublicEnd, request: FramingCase): Promise<string> {
  const head = `${request.line ?? line("POST")}\r\nHost: ${host}\r\n`;
  const bytes = Buffer.from(`${head}${request.rest}`, "latin1");
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ host: "127.0.0.1", port, servername: host, ca, ALPNProtocols: ["http/1.1"] });
    const finish = (end: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text + end);
    };
    // Neither of the two lets anybody wait for so long; a difference shows as this.
    const timer = setTimeout(() => finish("<silence>"), silenceMs);
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ECONNRESET" ? finish("<end>") : reject(error),
    );
    socket.once("secureConnect", () => socket.write(bytes));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (wholeAnswers(text, request.line?.startsWith("HEAD") === true) >= (request.answers ?? 1)) finish("");
    });
    socket.once("end", () => finish("<end>"));
  });
}

const silenceMs = 8_000;

/** The interim ones do not count. */
function wholeAnswers(text: string, isHead: boolean): number {
  let count = 0;
  for (let rest = text; ; count += 1) {
    rest = rest.replace(/^(?:HTTP\/1\.1 1\d\d [\s\S]*?\r\n\r\n)+/, "");
    const end = rest.indexOf("\r\n\r\n");
    if (end === -1) return count;
    const length = /^content-length: (\d+)\r$/im.exec(rest.slice(0, end + 1))?.[1];
    // Without a length it ends with the connection.
    if (length === undefined) return count;
    const size = end + 4 + (isHead ? 0 : Number(length));
    if (rest.length < size) return count;
    rest = rest.slice(size);
  }
}
