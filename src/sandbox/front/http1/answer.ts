import { Writable } from "node:stream";
import { statusText } from "../../../net/status-text.ts";
import type { Socket } from "../../../net/tcp-server.ts";
import type { Head } from "./head.ts";

/** Settles when the request's body has been read, or never will be: Go answers HTTP/1 only then. */
export type BodyRead = () => Promise<"read" | "broken">;

/** An answer of HTTP/1, framed as Go's net/http does it. */
export class Http1Answer extends Writable {
  statusCode = 200;
  headersSent = false;
  /** The connection is somebody else's from now on. */
  isTaken = false;
  readonly #headers = new Map<string, readonly string[]>();
  readonly #socket: Socket;
  readonly #head: Pick<Head, "method" | "isVersion10" | "isKept">;
  readonly #bodyRead: BodyRead;
  #isKept: boolean;
  #framing: "sized" | "chunked" | "to-the-end" | "none" = "none";
  #opening: Promise<void> | undefined;

  constructor(socket: Socket, head: Pick<Head, "method" | "isVersion10" | "isKept">, bodyRead: BodyRead) {
    super();
    this.#socket = socket;
    this.#head = head;
    this.#bodyRead = bodyRead;
    this.#isKept = head.isKept;
    // Stays attached for good: a client that goes while nobody listens would end the process.
    this.on("error", () => {});
  }

  /** Whether another request may follow; known once the head has gone out. */
  get isKept(): boolean {
    return this.#isKept && this.writableFinished;
  }

  setHeader(name: string, value: string | readonly string[]): void {
    this.#headers.set(name, typeof value === "string" ? [value] : value);
  }

  flushHeaders(): void {
    this.#opening ??= this.#open();
  }

  /** Gives the connection away, for what follows a 101. */
  take(): Socket {
    this.isTaken = true;
    this.emit("taken");
    return this.#socket;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.flushHeaders();
    void this.#opening?.then(() => {
      if (this.#framing === "none") return done();
      const framed =
        this.#framing === "chunked"
          ? Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n")])
          : chunk;
      this.#send(framed, done);
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#opening === undefined && !this.#headers.has("Content-Length")) this.setHeader("Content-Length", "0");
    this.flushHeaders();
    void this.#opening?.then(() => (this.#framing === "chunked" ? this.#send("0\r\n\r\n", done) : done()));
  }

  async #open(): Promise<void> {
    this.headersSent = true;
    if ((await this.#bodyRead()) === "broken") this.#isKept = false;
    const { method, isVersion10, isKept } = this.#head;
    const isSized = this.#headers.has("Content-Length");
    const isBare = method === "HEAD" || this.statusCode === 204 || this.statusCode === 304;
    this.#framing = isBare ? "none" : isSized ? "sized" : isVersion10 ? "to-the-end" : "chunked";
    if (this.#framing === "to-the-end") this.#isKept = false;
    const own: readonly (readonly [string, string])[] = [
      ...(this.#headers.has("Date") ? [] : [["Date", new Date().toUTCString()] as const]),
      ...(this.#framing === "chunked" ? [["Transfer-Encoding", "chunked"] as const] : []),
      ...(isVersion10
        ? isKept && this.#isKept
          ? [["Connection", "keep-alive"] as const]
          : []
        : this.#isKept
          ? []
          : [["Connection", "close"] as const]),
    ];
    const given = [...this.#headers].flatMap(([name, values]) => values.map((value) => [name, value] as const));
    const lines = [...given, ...own].map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const status = `HTTP/1.${isVersion10 ? 0 : 1} ${this.statusCode} ${statusText(this.statusCode)}`;
    if (this.#socket.writable) this.#socket.write(`${status}\r\n${lines}\r\n`, "latin1");
  }

  #send(bytes: Buffer | string, done: (error?: Error | null) => void): void {
    if (this.#socket.writable) this.#socket.write(bytes, done);
    else done(new Error("the client is gone"));
  }
}
