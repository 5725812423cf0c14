import { plainLines } from "../core/plain-text.ts";
import { stringAt } from "../mcp/json.ts";
import type { Message } from "../mcp/message.ts";
import type { CommandContext } from "./context.ts";

/** Shows what a server says while a call runs. */
export interface CallProgress {
  take(message: Message): void;
  /** Takes the line away that is still shown. */
  end(): void;
}

/** Returns progress on stderr: one line that changes on a terminal, a line each elsewhere, none when quiet. */
export function callProgress(tool: string, context: CommandContext): CallProgress {
  const { errorIsTerminal, quiet, log, writeError } = context;
  let shown = false;
  return {
    take(message) {
      if (message.kind !== "notification") return;
      if (message.method === "notifications/message") return log.debug(logText(message.params));
      const text = message.method === "notifications/progress" ? progressText(message.params) : undefined;
      if (quiet || text === undefined) return;
      const line = oneLine(`${tool}: ${text}`);
      writeError(errorIsTerminal ? `\r\u001b[K${line.slice(0, maxColumns)}` : `tsmcp: ${line}\n`);
      shown = errorIsTerminal;
    },
    end() {
      if (shown) writeError("\r\u001b[K");
      shown = false;
    },
  };
}

/** A longer line would wrap, and a return goes back to the start of its last part only. */
const maxColumns = 79;

function progressText(params: unknown): string | undefined {
  const { progress, total } = { progress: numberAt(params, "progress"), total: numberAt(params, "total") };
  const amount = progress === undefined ? undefined : total === undefined ? `${progress}` : `${progress}/${total}`;
  const parts = [amount, stringAt(params, "message")].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(" ");
}

function logText(params: unknown): string {
  const data = params !== null && typeof params === "object" && "data" in params ? params.data : undefined;
  return oneLine(`${stringAt(params, "level") ?? "log"}: ${typeof data === "string" ? data : JSON.stringify(data)}`);
}

function oneLine(text: string): string {
  return plainLines(text).replaceAll(/[\n\t]+/g, " ");
}

function numberAt(value: unknown, key: string): number | undefined {
  const field = value !== null && typeof value === "object" ? Reflect.get(value, key) : undefined;
  return typeof field === "number" ? field : undefined;
}
