import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

/** A page in headless Chromium. */
export interface BrowserPage extends AsyncDisposable {
  /** What went to the console, was thrown, or was refused by the page's own policy. */
  readonly complaints: readonly string[];
  /** Shows the page anew at this width. */
  show(view: { readonly width: number; readonly scheme: "light" | "dark" }): Promise<void>;
  /** Returns the value of an expression in the page. */
  evaluate(expression: string): Promise<unknown>;
}

interface Told {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/**
 * Opens `url` in Debian's chromium. It is spoken to over pipes, a message ended by a zero byte.
 * Source: https://chromedevtools.github.io/devtools-protocol/
 */
export async function openPage(url: string, profile: string): Promise<BrowserPage> {
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
  const args = [...flags, `--user-data-dir=${profile}`, "--remote-debugging-pipe", "about:blank"];
  const child = spawn("chromium", args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  await once(child, "spawn");
  const { send, on } = conversation(child.stdio[3] as Writable, child.stdio[4] as Readable);
  const complaints: string[] = [];
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const ask = (method: string, params: object = {}) => send(method, params, String(sessionId));
  on((told) => {
    if (told.method === "Runtime.exceptionThrown" || told.method === "Log.entryAdded")
      complaints.push(JSON.stringify(told.params));
    if (told.method === "Runtime.consoleAPICalled") complaints.push(JSON.stringify(told.params));
  });
  for (const domain of ["Page", "Runtime", "Log"]) await ask(`${domain}.enable`);
  return {
    complaints,
    async show({ width, scheme }) {
      await ask("Emulation.setDeviceMetricsOverride", {
        width,
        height: 844,
        deviceScaleFactor: 1,
        mobile: width < 600,
      });
      await ask("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
      const loaded = new Promise<void>((resolve) => {
        on((told) => (told.method === "Page.loadEventFired" ? resolve() : undefined));
      });
      await ask("Page.navigate", { url });
      await loaded;
    },
    async evaluate(expression) {
      const { result } = await ask("Runtime.evaluate", { expression, returnByValue: true });
      return typeof result === "object" && result !== null && "value" in result ? result.value : undefined;
    },
    async [Symbol.asyncDispose]() {
      const exited = once(child, "exit");
      // Killed, its helpers would go on writing into the profile.
      await send("Browser.close", {});
      await exited;
    },
  };
}

function conversation(out: Writable, from: Readable) {
  const waiting = new Map<number, (told: Told) => void>();
  const listeners: ((told: Told) => void)[] = [];
  let last = 0;
  let rest = "";
  from.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = `${rest}${chunk}`.split("\0");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const told: Told = JSON.parse(part);
      if (told.id === undefined) for (const listener of listeners) listener(told);
      else waiting.get(told.id)?.(told);
    }
  });
  const send = async (
    method: string,
    params: object,
    sessionId?: string,
  ): Promise<Readonly<Record<string, unknown>>> => {
    last += 1;
    const id = last;
    const answer = new Promise<Told>((resolve) => waiting.set(id, resolve));
    out.write(`${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`);
    const { result, error } = await answer;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  };
  return { send, on: (listener: (told: Told) => void) => void listeners.push(listener) };
}
