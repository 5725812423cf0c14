import { connect, type Socket } from "node:net";
import { startDeadline } from "./deadline.ts";

/** Returns a stream to the unix socket at `path`, with an error listener attached. Rejects with the system's error. */
export async function dialLocal(
  path: string,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Socket> {
  const deadline = startDeadline(options);
  const socket = connect(path);
  const connected = new Promise<Socket>((resolve, reject) => {
    socket.once("connect", () => resolve(socket));
    // Stays attached for good: an error that arrives while nobody listens would end the process.
    socket.on("error", reject);
  });
  try {
    return await deadline.race(connected);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    deadline.stop();
  }
}
