import type { Readable, Writable } from "node:stream";
import { linesOf } from "../../src/streams/lines.ts";

type Json = Readonly<Record<string, unknown>>;

/** An agent that keeps only the answers it waits for, whatever else it is told. */
export interface CountingAgent {
  ask(method: string, params?: Json): Promise<Json>;
  initialize(): Promise<void>;
  /** Notifications and requests so far. */
  readonly told: number;
  /** Lines so far that are no JSON-RPC message, or answer nothing. */
  readonly stray: readonly string[];
}

export function countingAgent({ stdin, stdout }: { stdin: Writable; stdout: Readable }): CountingAgent {
  const waiting = new Map<unknown, (answer: Json) => void>();
  const stray: string[] = [];
  let told = 0;
  let lastId = 0;
  const take = (text: string): void => {
    const message = parse(text);
    const settle = waiting.get(message?.id);
    if (message?.method !== undefined) told += 1;
    else if (message === undefined || settle === undefined) stray.push(text.slice(0, 200));
    else {
      waiting.delete(message.id);
      settle(message);
    }
  };
  const read = async (): Promise<void> => {
    for await (const line of linesOf(stdout, 64 * 1024 * 1024)) take(line.kind === "line" ? line.bytes.toString() : "");
  };
  void read().catch(() => {});
  const send = (message: Json): void => void stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const ask = (method: string, params: Json = {}): Promise<Json> => {
    lastId += 1;
    const id = lastId;
    return new Promise((resolve) => {
      waiting.set(id, resolve);
      send({ id, method, params });
    });
  };
  return {
    ask,
    stray,
    get told() {
      return told;
    },
    async initialize() {
      const clientInfo = { name: "counting", version: "1" };
      await ask("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo });
      send({ method: "notifications/initialized" });
    },
  };
}

function parse(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
