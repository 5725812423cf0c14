import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { linesOf } from "../../src/streams/lines.ts";

/** A bridge under measurement, and the agent that started it. */
export interface StdioAgent {
  readonly pid: number;
  /** Returns the answer; rejects when the bridge ends or `limitMs` pass. */
  ask(method: string, params: unknown, limitMs?: number): Promise<Answer>;
  notify(method: string): void;
  residentMiB(): number;
  handles(): number;
  /** Returns the exit code. */
  end(): Promise<number | null>;
}

export interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly data?: { readonly mayHaveRun?: boolean } };
}

export function startStdioAgent(
  [file, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
): StdioAgent {
  const child = spawn(file, args, { env, stdio: ["pipe", "pipe", "ignore"] });
  const waiting = new Map<unknown, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  const pid = child.pid ?? 0;
  let lastId = 0;
  child.stdin.on("error", () => {});
  const exited = once(child, "exit");
  const read = async (): Promise<void> => {
    for await (const line of linesOf(child.stdout, 64 * 1024 * 1024)) {
      const message = JSON.parse(line.kind === "line" ? line.bytes.toString() : "{}");
      waiting.get(message.id)?.resolve(message);
      waiting.delete(message.id);
    }
  };
  void read()
    .catch(() => {})
    .finally(() => {
      for (const { reject } of waiting.values()) reject(new Error("the bridge ended"));
    });
  return {
    pid,
    ask(method, params, limitMs = 120_000) {
      lastId += 1;
      const id = lastId;
      return new Promise<Answer>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
        const settled =
          <T>(act: (value: T) => void) =>
          (value: T): void => {
            clearTimeout(timer);
            act(value);
          };
        waiting.set(id, { resolve: settled(resolve), reject: settled(reject) });
        child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
      });
    },
    notify: (method) => void child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", method })}\n`),
    residentMiB: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024,
    handles: () => readdirSync(`/proc/${pid}/fd`).length,
    async end() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
      const [exitCode] = await exited;
      clearTimeout(timer);
      return exitCode;
    },
  };
}

/** Opens the session as an agent does, and returns when the server itself has answered. */
export async function openSession(agent: StdioAgent): Promise<void> {
  const clientInfo = { name: "bench", version: "1" };
  const { error } = await agent.ask(
    "initialize",
    { protocolVersion: "2025-06-18", capabilities: {}, clientInfo },
    20_000,
  );
  if (error !== undefined) throw new Error(error.message);
  agent.notify("notifications/initialized");
}
