import { connect, type Socket } from "node:net";
import { TsmcpError } from "../core/errors.ts";

/** A status of a large tailnet is some megabytes. */
const maxAnswerBytes = 64 * 1024 * 1024;

export interface LocalAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * Returns the answer of an HTTP server behind a unix socket.
 * Throws `dial-failed` when nobody answers there within `timeoutMs`, or what answers does not speak HTTP.
 */
export function askLocalSocket(request: {
  readonly socketPath: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly host: string;
  /** JSON. */
  readonly body?: string | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}): Promise<LocalAnswer> {
  const { socketPath, timeoutMs, signal } = request;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const socket: Socket = connect(socketPath);
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.destroy();
      settle();
    };
    const fail = (reason: string, cause?: unknown): void => finish(() => reject(unanswered(socketPath, reason, cause)));
    const onAbort = (): void => fail("the request was cancelled", signal?.reason);
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs}ms`), timeoutMs);
    if (signal?.aborted) return onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.once("error", (error) => fail(error.message, error));
    // HTTP/1.0, because its answers end with the connection and are never chunked.
    socket.once("connect", () =>
      socket.write(`${request.method} ${request.path} HTTP/1.0\r\nHost: ${request.host}\r\n${bodyOf(request.body)}`),
    );
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) fail(`the answer is larger than ${maxAnswerBytes} bytes`);
      else chunks.push(chunk);
    });
    socket.once("close", () => {
      const answer = parseAnswer(Buffer.concat(chunks));
      if (answer === undefined) fail("what answers does not speak HTTP");
      else finish(() => resolve(answer));
    });
  });
}

function bodyOf(body: string | undefined): string {
  if (body === undefined) return "\r\n";
  return `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function parseAnswer(answer: Buffer): LocalAnswer | undefined {
  const head = answer.indexOf("\r\n\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer.toString("latin1", 0, 16))?.[1];
  if (head === -1 || status === undefined) return undefined;
  return { status: Number(status), body: answer.toString("utf8", head + 4) };
}

function unanswered(socketPath: string, reason: string, cause: unknown): TsmcpError {
  return new TsmcpError({
    code: "dial-failed",
    message: `${JSON.stringify(socketPath)}: ${reason}`,
    facts: { layer: "socket", reason },
    cause,
  });
}
