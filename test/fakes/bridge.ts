import { EventEmitter, once } from "node:events";
import { PassThrough, type Readable, type Writable } from "node:stream";
import type { BridgeOptions } from "../../src/bridge/options.ts";
import { runBridge } from "../../src/bridge/run.ts";
import { createLog } from "../../src/core/log.ts";
import { linesOf } from "../../src/streams/lines.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

export interface RunningBridge extends AsyncDisposable {
  readonly stdin: PassThrough;
  readonly stdout: PassThrough;
  readonly log: readonly string[];
  /** What runBridge returns. */
  readonly ended: Promise<0>;
  terminate(): void;
}

/** The bridge in this process, on pipes of its own. */
export function startBridge(options: BridgeOptions, env: Record<string, string> = {}): RunningBridge {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const log: string[] = [];
  const controller = new AbortController();
  const ended = runBridge(options, {
    stdin,
    stdout,
    env: { HOME: temporaryDirectory(), ...env },
    signal: controller.signal,
    log: createLog({ write: (text) => void log.push(text), verbosity: "verbose" }),
  });
  ended.catch(() => {});
  return {
    stdin,
    stdout,
    log,
    ended,
    terminate: () => controller.abort(),
    async [Symbol.asyncDispose]() {
      stdin.end();
      await ended.catch(() => {});
    },
  };
}

type Json = Record<string, unknown>;

/** An agent that speaks raw lines to a bridge. */
export interface RawAgent {
  send(message: Json | string): void;
  /** The next message that fits; the others stay for later calls. */
  next(fits: (message: Json) => boolean): Promise<Json>;
  /** Sends a request and returns its answer. */
  ask(method: string, params?: Json): Promise<Json>;
  initialize(): Promise<Json>;
  /** The messages so far that nobody asked for. */
  readonly unread: readonly Json[];
  /** Every line so far that is not JSON-RPC. */
  readonly stray: readonly string[];
}

export function rawAgent(bridge: { readonly stdin: Writable; readonly stdout: Readable }): RawAgent {
  const waiting: Json[] = [];
  const stray: string[] = [];
  let lastId = 0;
  const arrived = new EventEmitter().setMaxListeners(0);
  const read = async (): Promise<void> => {
    for await (const line of linesOf(bridge.stdout, 64 * 1024 * 1024)) {
      const text = line.kind === "line" ? line.bytes.toString() : "";
      try {
        const message: unknown = JSON.parse(text);
        if (typeof message === "object" && message !== null) waiting.push({ ...message });
      } catch {
        stray.push(text);
      }
      arrived.emit("message");
    }
  };
  // A bridge whose stdout breaks off has said its last.
  void read()
    .catch(() => {})
    .finally(() => arrived.emit("message"));
  const send = (message: Json | string): void => {
    const text = typeof message === "string" ? message : JSON.stringify({ jsonrpc: "2.0", ...message });
    bridge.stdin.write(`${text}\n`);
  };
  const next = async (fits: (message: Json) => boolean): Promise<Json> => {
    for (;;) {
      const at = waiting.findIndex(fits);
      const [found] = at === -1 ? [] : waiting.splice(at, 1);
      if (found !== undefined) return found;
      if (bridge.stdout.closed) throw new Error("the bridge closed stdout");
      await once(arrived, "message");
    }
  };
  const ask = (method: string, params?: Json): Promise<Json> => {
    lastId += 1;
    const id = lastId;
    send({ id, method, ...(params === undefined ? {} : { params }) });
    return next((message) => message.id === id && message.method === undefined);
  };
  return {
    send,
    next,
    ask,
    stray,
    unread: waiting,
    async initialize() {
      const answer = await ask("initialize", {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "raw", version: "1" },
      });
      send({ method: "notifications/initialized" });
      return answer;
    },
  };
}
