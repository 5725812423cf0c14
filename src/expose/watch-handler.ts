import { readStatus } from "../tailscale/local-api.ts";
import { daemonMark } from "./await-daemon.ts";
import { readServeState } from "./facts.ts";
import { isServed } from "./ports.ts";
import type { OwnHandler } from "./record.ts";
import type { ExposeRequest } from "./request.ts";

/** Looks whether tailscaled still has a handler that it keeps by itself. */
export interface HandlerWatch {
  /** Settles when it has it no longer, with the mark of the tailscaled that had it last. */
  readonly lost: Promise<string | undefined>;
  close(): void;
}

/** tailscaled answers from memory. */
const lookEveryMs = 2_000;
const askTimeoutMs = 3_000;

/** Starts to look. Who cannot be asked, and who is not on the tailnet (yet), tells of no loss. */
export function watchHandler(
  own: OwnHandler,
  { isFunnel, request }: { readonly isFunnel: boolean; readonly request: Pick<ExposeRequest, "socket"> },
): HandlerWatch {
  const closing = new AbortController();
  let mark = daemonMark(request);
  let isLooking = false;
  let timer: NodeJS.Timeout | undefined;
  const close = (): void => {
    clearInterval(timer);
    closing.abort(new Error("nobody wants to know any longer"));
  };
  const lost = new Promise<string | undefined>((resolve) => {
    const ask = async (): Promise<void> => {
      const now = daemonMark(request);
      const [status, state] = await Promise.all([
        readStatus({ ...request, timeoutMs: askTimeoutMs, signal: closing.signal }),
        readServeState(request, closing.signal),
      ]);
      if (status.backendState !== "Running" || now !== daemonMark(request)) return;
      if (isServed(state, own, { isFunnel })) {
        mark = now;
        return;
      }
      close();
      resolve(mark);
    };
    const look = (): void => {
      if (isLooking) return;
      isLooking = true;
      void ask()
        .catch(() => {})
        .finally(() => {
          isLooking = false;
        });
    };
    timer = setInterval(look, lookEveryMs).unref();
  });
  return { lost, close };
}
