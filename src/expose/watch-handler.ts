import { lookRegularly } from "../core/regular-look.ts";
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
  let mark = daemonMark(request);
  let tellLoss: (mark: string | undefined) => void = () => {};
  const lost = new Promise<string | undefined>((resolve) => {
    tellLoss = resolve;
  });
  const watch = lookRegularly(lookEveryMs, async (signal) => {
    const now = daemonMark(request);
    const [status, state] = await Promise.all([
      readStatus({ ...request, timeoutMs: askTimeoutMs, signal }),
      readServeState(request, signal),
    ]);
    if (status.backendState !== "Running" || now !== daemonMark(request)) return;
    if (isServed(state, own, { isFunnel })) {
      mark = now;
      return;
    }
    close();
    tellLoss(mark);
  });
  const close = (): void => watch.close("nobody wants to know any longer");
  return { lost, close };
}
