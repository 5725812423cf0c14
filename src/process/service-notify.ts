import type { Log } from "../core/log.ts";
import { plainLines } from "../core/plain-text.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { strikeSecrets } from "../core/secrets.ts";
import { run } from "./run.ts";

/** Tells systemd, or whoever else made `NOTIFY_SOCKET`, how this service is. Each waits until it was told, or could not be. */
export interface ServiceNotifier {
  /** The service serves; also after `reloading`. */
  ready(status: string): Promise<void>;
  reloading(status: string): Promise<void>;
  stopping(status: string): Promise<void>;
  status(status: string): Promise<void>;
  /** Keeps the watchdog fed no longer. */
  close(): void;
}

export interface ServiceState {
  readonly kind: "ready" | "reloading" | "stopping" | "status" | "alive";
  readonly status?: string;
}

/** systemd-notify waits until it was heard, and systemd itself gives it no longer. */
const tellTimeoutMs = 5_000;

/** Longer ones would be cut by `systemctl status` anyway. */
const maxStatusChars = 300;

/** Node.js takes a longer timer for one of 1 ms. */
const longestTimerMs = 2 ** 31 - 1;

/** Returns the notifier that the environment asks for; without `NOTIFY_SOCKET` it does nothing. */
export function serviceNotifier({ env, log }: { readonly env: Environment; readonly log: Log }): ServiceNotifier {
  const { NOTIFY_SOCKET: socket = "", PATH = "" } = env;
  if (socket === "") return silent;
  let isDeaf = false;
  let last = Promise.resolve();
  const send = async (state: ServiceState): Promise<void> => {
    if (isDeaf) return;
    // The socket is one of datagrams, which Node.js cannot open.
    const end = await run({
      file: "systemd-notify",
      args: assignmentsOf(state, process.hrtime.bigint()),
      env: { NOTIFY_SOCKET: socket, PATH },
      cwd: "/",
      timeoutMs: tellTimeoutMs,
      signal: new AbortController().signal,
    });
    if (end.kind === "exited" && end.exitCode === 0) return;
    isDeaf = end.kind === "refused";
    log.warn(`the service manager was not told "${state.kind}": ${reasonOf(end)}`);
  };
  const tell = (state: ServiceState): Promise<void> => {
    last = last.then(() => send(state));
    return last;
  };
  const stopFeeding = feed(watchdogIntervalMs(env, process.pid), () => tell({ kind: "alive" }));
  return {
    ready: (status) => tell({ kind: "ready", status }),
    reloading: (status) => tell({ kind: "reloading", status }),
    stopping: (status) => tell({ kind: "stopping", status }),
    status: (status) => tell({ kind: "status", status }),
    close: stopFeeding,
  };
}

const done = (): Promise<void> => Promise.resolve();
const silent: ServiceNotifier = { ready: done, reloading: done, stopping: done, status: done, close: () => {} };

/** Says it again and again, one at a time: whoever cannot say it in time is to be taken for dead. */
function feed(intervalMs: number | undefined, tell: () => Promise<void>): () => void {
  if (intervalMs === undefined) return () => {};
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const again = async (): Promise<void> => {
    await tell();
    if (!isOver) timer = setTimeout(() => void again(), intervalMs).unref();
  };
  timer = setTimeout(() => void again(), 0).unref();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

/**
 * Returns the one message that says a state. The clock of `RELOADING=1` has to stand in the same message.
 * Source: sd_notify(3).
 */
export function assignmentsOf({ kind, status }: ServiceState, monotonicNs: bigint): string[] {
  const words = {
    ready: ["READY=1"],
    reloading: ["RELOADING=1", `MONOTONIC_USEC=${monotonicNs / 1_000n}`],
    stopping: ["STOPPING=1"],
    status: [],
    alive: ["WATCHDOG=1"],
  };
  return [...words[kind], ...(status === undefined ? [] : [`STATUS=${statusText(status)}`])];
}

function statusText(status: string): string {
  return plainLines(strikeSecrets(status)).replaceAll(/\s+/g, " ").trim().slice(0, maxStatusChars);
}

/** Half of what systemd waits, as it asks for; undefined where no watchdog waits for this process. Source: sd_watchdog_enabled(3). */
export function watchdogIntervalMs({ WATCHDOG_USEC, WATCHDOG_PID }: Environment, pid: number): number | undefined {
  if (!/^[1-9]\d*$/.test(WATCHDOG_USEC ?? "")) return undefined;
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== "" && WATCHDOG_PID !== String(pid)) return undefined;
  return Math.min(Math.max(Number(WATCHDOG_USEC) / 2_000, 1), longestTimerMs);
}

function reasonOf(end: Awaited<ReturnType<typeof run>>): string {
  switch (end.kind) {
    case "refused":
      return end.reason === "ENOENT" ? "there is no systemd-notify in PATH" : `systemd-notify: ${end.reason}`;
    case "timeout":
      return `systemd-notify was not heard within ${tellTimeoutMs / 1_000} s`;
    case "killed":
      return `systemd-notify was ended by ${end.signal}`;
    case "exited":
      return plainLines(end.stderr).trim() || `systemd-notify ended with ${end.exitCode}`;
  }
}
