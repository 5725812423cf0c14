import { Readable } from "node:stream";
import { type HttpRequest, type HttpResponse, maxHeaderBytes, toError } from "../http-message.ts";
import { errorCodes } from "./frame.ts";
import type { DecodedFields } from "./hpack-decoder.ts";
import { readResponseHead, wrongField } from "./response-head.ts";

/** What one stream may bring before we grant more: bulk answers must not wait for round trips. */
export const streamWindowBytes = 8 * 1024 * 1024;

/** What a call does on its connection. */
export interface CallWire {
  /** Ends the stream, and tells the server with this code unless both have ended. */
  close(streamId: number, code: number | undefined): void;
  /** Lets the server send more. */
  grant(streamId: number, bytes: number): void;
}

/** The parts of a promise. */
export interface Asker {
  resolve(response: HttpResponse): void;
  reject(reason: unknown): void;
}

/** One request that went out, and its answer as it comes. */
export class Call {
  readonly streamId: number;
  readonly #request: HttpRequest;
  readonly #asker: Asker;
  readonly #wire: CallWire;
  #body: Readable | undefined;
  #isOpen = true;
  /** What the body must come to, and came to. */
  #contentLength: number | undefined;
  #bodyBytes = 0;
  /** What the server sent on this stream, padding too, and what it was granted anew of that. */
  #sentBytes = 0;
  #grantedBytes = 0;

  constructor(streamId: number, parts: { request: HttpRequest; asker: Asker; wire: CallWire }) {
    this.streamId = streamId;
    this.#request = parts.request;
    this.#asker = parts.asker;
    this.#wire = parts.wire;
    this.#request.signal?.addEventListener("abort", this.#onAbort);
  }

  takeFields({ fields, isTooLarge }: DecodedFields, isEnd: boolean): void {
    if (isTooLarge) this.#refuse(`its header has more than ${maxHeaderBytes} bytes`, errorCodes.cancel);
    else if (this.#body === undefined) this.#takeHead(fields, isEnd);
    else this.#takeTrailers(fields, isEnd);
  }

  /** Counts a frame of DATA, which then comes in pieces. */
  takeDataHead(bytes: number): void {
    this.#sentBytes += bytes;
    const openBytes = this.#sentBytes - this.#grantedBytes;
    if (this.#body === undefined) this.#refuse("its answer has no head");
    else if (openBytes > streamWindowBytes) this.#refuse("it sent more than it may", errorCodes.flowControlError);
  }

  takeData(piece: Buffer): void {
    if (!this.#isOpen) return;
    this.#bodyBytes += piece.length;
    if (this.#contentLength !== undefined && this.#bodyBytes > this.#contentLength) {
      this.#refuse(wrongLength);
      return;
    }
    this.#body?.push(piece);
    this.#grant();
  }

  /** The server is done. */
  end(): void {
    if (!this.#isOpen) return;
    if (this.#contentLength !== undefined && this.#bodyBytes !== this.#contentLength) {
      this.#refuse(wrongLength);
      return;
    }
    this.#isOpen = false;
    this.#wire.close(this.streamId, undefined);
    this.#body?.push(null);
  }

  /** The stream is over without its end. */
  fail(error: unknown): void {
    this.#isOpen = false;
    if (this.#body !== undefined) this.#body.destroy(toError(error));
    else {
      this.#release();
      this.#asker.reject(error);
    }
  }

  #takeHead(fields: DecodedFields["fields"], isEnd: boolean): void {
    const head = readResponseHead(fields);
    if (typeof head === "string") {
      this.#refuse(head);
      return;
    }
    const { status, headers, contentLength } = head;
    // Interim answers say nothing that is wanted here.
    if (status < 200 && isEnd) this.#refuse("its answer ends before it begins");
    if (status < 200) return;
    // These tell the length of what they do not bring. Source: RFC 9110 §8.6.
    const isBodiless = this.#request.method === "HEAD" || status === 204 || status === 304;
    if (!isBodiless) this.#contentLength = contentLength;
    const body = new Readable({
      read: () => this.#grant(),
      destroy: (error, done) => {
        this.#close(errorCodes.cancel);
        this.#release();
        done(error);
      },
    });
    // Stays attached for good: a reset after the answer is told here too.
    body.on("error", () => {});
    this.#body = body;
    this.#asker.resolve({ status, headers, body, protocol: "h2" });
    if (isEnd) this.end();
  }

  #takeTrailers(fields: DecodedFields["fields"], isEnd: boolean): void {
    const wrong = isEnd ? wrongField(fields) : "its answer has two heads";
    if (wrong === undefined) this.end();
    else this.#refuse(wrong);
  }

  /** Grants anew what somebody has read, in portions. */
  #grant(): void {
    const readBytes = this.#sentBytes - (this.#body?.readableLength ?? 0) - this.#grantedBytes;
    if (!this.#isOpen || readBytes < streamWindowBytes / 2) return;
    this.#grantedBytes += readBytes;
    this.#wire.grant(this.streamId, readBytes);
  }

  /** The server broke the rules of a stream. */
  #refuse(what: string, code: number = errorCodes.protocolError): void {
    this.#close(code);
    this.fail(new Error(`the server broke a rule of HTTP/2: ${what}`));
  }

  #close(code: number): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#wire.close(this.streamId, code);
  }

  readonly #onAbort = (): void => {
    this.#close(errorCodes.cancel);
    this.fail(toError(this.#request.signal?.reason));
  };

  #release(): void {
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
  }
}

const wrongLength = "its answer has another length than it says";
