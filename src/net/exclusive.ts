import { connect, createServer, type Server, type Socket } from "node:net";
import { systemCodeOf } from "../core/errors.ts";
import { timeoutSignal } from "../core/timeout-signal.ts";

/** A name that one process of this machine holds at a time; the kernel lets go of it when that process dies. */
export interface ExclusiveHold {
  release(): void;
}

/**
 * Returns a hold on `name`, as soon as no other process has it; undefined when `timeoutMs` ends or `signal` aborts first.
 * An abstract unix socket (unix(7)): it leaves no file that could be stale after `kill -9`, and those who wait are told
 * by their connection's end. The name has the whole length of `sun_path`, because Node 20 pads what is
 * shorter with NULs, which are part of an abstract name, and later ones do not. `onWait` is called once when another process holds the name.
 */
export async function holdExclusively(request: {
  readonly name: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onWait?: () => void;
}): Promise<ExclusiveHold | undefined> {
  const limit = timeoutSignal(request.timeoutMs);
  const signal = request.signal === undefined ? limit : AbortSignal.any([limit, request.signal]);
  const path = abstractName(request.name);
  for (let waited = false; !signal.aborted; ) {
    const hold = await tryToHold(path);
    if (hold !== undefined) return hold;
    if (!waited) request.onWait?.();
    waited = true;
    await otherLetsGo(path, signal);
  }
  return undefined;
}

function abstractName(name: string): string {
  return `\0${name.padEnd(107, "\0")}`;
}

function tryToHold(path: string): Promise<ExclusiveHold | undefined> {
  const waiting = new Set<Socket>();
  const server: Server = createServer((socket) => {
    waiting.add(socket);
    socket.on("error", () => {}).once("close", () => waiting.delete(socket));
    socket.unref();
  });
  server.unref();
  return new Promise((resolve, reject) => {
    server.once("error", (error) => (systemCodeOf(error) === "EADDRINUSE" ? resolve(undefined) : reject(error)));
    server.listen(path, () =>
      resolve({
        release: () => {
          server.close();
          for (const socket of waiting) socket.destroy();
        },
      }),
    );
  });
}

function otherLetsGo(path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (): void => {
      signal.removeEventListener("abort", end);
      socket.destroy();
      resolve();
    };
    signal.addEventListener("abort", end, { once: true });
    socket.once("error", end).once("close", end).resume();
  });
}
