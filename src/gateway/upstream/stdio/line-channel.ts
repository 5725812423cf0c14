import { isObject } from "../../../core/json-object.ts";
import type { Log } from "../../../core/log.ts";
import { type InvalidMessage, idOfRemnant, type Message, type MessageId, toMessage } from "../../../mcp/message.ts";
import type { Child } from "../../../process/child.ts";
import { createLineSplitter, type Line } from "../../../streams/lines.ts";
import { createAllowance } from "../allowance.ts";

/** A child's standard input and output as messages. */
export interface LineChannel {
  /** False when so much waits to be read by the child that nothing more should. */
  readonly takesMore: boolean;
  send(json: string): void;
}

export interface Hearing {
  /** Returns true when the message was asked for; the child may say only so much of its own accord. */
  readonly onMessage: (message: Message) => boolean;
  /** A line that is too long to be held, with the id of the request that it may answer. */
  readonly onOversize: (id: MessageId | null, totalBytes: number) => void;
  /** The child closed its output, or ended. */
  readonly onEnd: () => void;
}

/** As much as an upstream over HTTP may answer. */
export const maxLineBytes = 32 * 1024 * 1024;

/** Two messages of the largest size: who waits behind more waits for a child that does not read. */
const maxWaitingBytes = 2 * maxLineBytes;

/** Of what nobody asked: thousands of notifications a second are none that anybody reads. */
const unasked = { burst: 2_000, perSecond: 1_000 };

/** Any child may be read this fast for long; answers in bulk come in bursts. */
const bytes = { burst: 4 * maxLineBytes, perSecond: maxLineBytes };

/** Returns the channel to a child; one that says too much is read more slowly, and waits. */
export function openLineChannel(
  child: Child,
  hearing: Hearing,
  { name, log, heard }: { name: string; log: Log; heard: (line: Buffer) => Buffer },
): LineChannel {
  const { stdin, stdout } = child;
  const splitter = createLineSplitter(maxLineBytes);
  const allowances = { messages: createAllowance(unasked), bytes: createAllowance(bytes) };
  let waiting: string[] = [];
  let waitingBytes = 0;
  let hasWarned = false;

  const warnOnce = (line: string): void => {
    if (!hasWarned) log.warn(`${name}: ${line}`);
    hasWarned = true;
  };
  const hear = (line: Line): number => {
    if (line.kind === "oversize") {
      warnOnce(`a line of ${line.totalBytes} bytes, more than ${maxLineBytes}, was dropped`);
      hearing.onOversize(idOfRemnant(line.head, line.tail), line.totalBytes);
      return 1;
    }
    const messages = messagesIn(heard(line.bytes));
    let cost = messages.length === 0 ? 1 : 0;
    for (const message of messages) {
      if (message.kind === "invalid") {
        warnOnce(`a line of its output is no message (${message.reason}), and was dropped`);
        cost += 1;
      } else if (!hearing.onMessage(message)) cost += 1;
    }
    return cost;
  };
  stdout.on("data", (chunk: Buffer) => {
    let cost = 0;
    for (const line of splitter.push(chunk)) cost += hear(line);
    const nowMs = performance.now();
    const pauseMs = Math.max(allowances.messages.spend(cost, nowMs), allowances.bytes.spend(chunk.length, nowMs));
    if (pauseMs === 0) return;
    warnOnce("it says more than it is asked, and is read more slowly");
    stdout.pause();
    setTimeout(() => stdout.resume(), pauseMs).unref();
  });
  stdout.once("close", () => {
    for (const line of splitter.end()) hear(line);
    hearing.onEnd();
  });
  const flush = (): void => {
    const text = waiting.join("");
    waiting = [];
    waitingBytes = 0;
    if (text !== "" && !stdin.destroyed && !stdin.writableEnded) stdin.write(text);
  };
  return {
    get takesMore() {
      return stdin.writableLength + waitingBytes <= maxWaitingBytes;
    },
    send(json) {
      const line = `${json}\n`;
      // What many callers send in one turn of the loop goes out in one write: each wakes the child.
      if (waiting.length === 0) setImmediate(flush);
      waiting.push(line);
      waitingBytes += line.length;
    },
  };
}

const openingBrace = 0x7b;
const openingBracket = 0x5b;

/** The messages of one line: servers of 2025-03-26 may batch. Whatever cannot be one is not looked into. */
function messagesIn(line: Buffer): (Message | InvalidMessage)[] {
  const first = line.find((byte) => byte !== 0x20 && byte !== 0x09);
  if (first === undefined) return [];
  if (first !== openingBrace && first !== openingBracket) return [notJson];
  try {
    const value: unknown = JSON.parse(line.toString("utf8"));
    return Array.isArray(value) ? value.filter(isObject).map(toMessage) : [toMessage(value)];
  } catch {
    return [notJson];
  }
}

const notJson: InvalidMessage = { kind: "invalid", code: -32700, reason: "it is not JSON", id: null };
