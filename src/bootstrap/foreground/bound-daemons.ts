import type { ProcessIdentity } from "../../core/record.ts";
import type { Secret } from "../../core/secrets.ts";
import { type DaemonCall, type DaemonEnd, type DaemonStart, startBoundDaemon } from "../../process/daemon.ts";
import { openDaemonLog } from "./daemon-log.ts";

/** The daemons that end with this process, of which one runs at a time. */
export interface BoundDaemons {
  readonly start: (call: DaemonCall, logFile: string) => Promise<DaemonStart>;
  readonly isChild: (identity: ProcessIdentity) => boolean;
  /** Resolves when the last one that was started has ended; never without one. */
  readonly ended: () => Promise<DaemonEnd>;
}

/**
 * Returns what starts tailscaled as a child. It watches descriptor 3 and exits when that breaks, also when this process was
 * killed. Source: tailscale `cmd/tailscaled/tailscaled.go`, dieOnPipeReadErrorOfFD.
 */
export function createBoundDaemons(known: readonly Secret[]): BoundDaemons {
  let current: { readonly identity: ProcessIdentity; readonly ended: Promise<DaemonEnd> } | undefined;
  return {
    async start(call, logFile) {
      const log = openDaemonLog(logFile, known);
      const started = await startBoundDaemon({
        ...call,
        env: { ...call.env, TS_PARENT_DEATH_FD: "3" },
        onOutput: log.write,
      });
      if (started.kind !== "started") {
        log.close();
        return started;
      }
      current = started.daemon;
      void started.daemon.ended.then(log.close);
      return started;
    },
    isChild: ({ pid, startTicks }) => current?.identity.pid === pid && current.identity.startTicks === startTicks,
    ended: () => current?.ended ?? new Promise(() => {}),
  };
}
