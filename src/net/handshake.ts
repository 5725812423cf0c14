import type { Socket } from "node:net";

/** One more byte than this before a handshake's answer is complete, and the peer is not what we think it is. */
const maxAnswerBytes = 32 * 1024;

/**
 * Returns the first bytes of the peer's answer, as many as `lengthOf` finds complete; what follows stays in the socket.
 * `lengthOf` gets all bytes so far and returns undefined for "not yet". Rejects when the peer hangs up first, says too
 * much, or `signal` fires.
 */
export async function readAnswer(
  socket: Socket,
  signal: AbortSignal,
  lengthOf: (bytes: Buffer) => number | undefined,
): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const length = lengthOf(bytes);
    if (length !== undefined && length <= bytes.length) {
      if (length < bytes.length) socket.unshift(bytes.subarray(length));
      return bytes.subarray(0, length);
    }
    if (bytes.length > maxAnswerBytes) throw new Error(`it answered more than ${maxAnswerBytes} bytes of handshake`);
    bytes = Buffer.concat([bytes, await nextChunk(socket, signal)]);
  }
}

function nextChunk(socket: Socket, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      socket.off("readable", onReadable).off("end", onEnd).off("close", onEnd).off("error", onError);
      signal.removeEventListener("abort", onAbort);
      act();
    };
    const onReadable = (): void => {
      const chunk: unknown = socket.read();
      if (chunk instanceof Buffer) settle(() => resolve(chunk));
    };
    const onEnd = (): void => settle(() => reject(new Error("it closed the connection without an answer")));
    const onError = (error: Error): void => settle(() => reject(error));
    const onAbort = (): void => settle(() => reject(signal.reason));
    // A destroyed socket tells nobody any more: asked first, or this would wait for ever.
    if (socket.destroyed || socket.readableEnded) return onEnd();
    if (signal.aborted) return onAbort();
    socket.on("readable", onReadable).on("end", onEnd).on("close", onEnd).on("error", onError);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
