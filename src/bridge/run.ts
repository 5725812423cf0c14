import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../core/log.ts";
import { readRecord } from "../core/record.ts";
import { idOfRemnant, parseMessage } from "../mcp/message.ts";
import type { Origin } from "../net/origin.ts";
import { createLineWriter } from "../streams/line-writer.ts";
import type { Line } from "../streams/lines.ts";
import { takeLines } from "../streams/take-lines.ts";
import { type Agent, createAgent } from "./agent.ts";
import { unbatch } from "./batch.ts";
import { connectTo } from "./connection.ts";
import { type Conversation, createConversation } from "./conversation.ts";
import { tooLarge } from "./failure.ts";
import { openLogFile } from "./log-file.ts";
import { createMemory } from "./memory.ts";
import {
  type BridgeIo,
  type BridgeOptions,
  defaultAnswerByMs,
  defaultConnectTimeoutMs,
  defaultEarlyAfterMs,
  defaultMaxFromAgentBytes,
  defaultMaxInFlight,
} from "./options.ts";
import { parentGone } from "./parent.ts";
import { createWay } from "./way.ts";

/** After the agent closed its end: what is under way may still be answered, for those who pipe requests in. */
const graceMs = 400;

/** WireGuard's own handshakes expire after three minutes, NAT bindings of UDP after thirty seconds. */
const warmEveryMs = 25_000;
const warmTimeoutMs = 5_000;

/** With the grace, under the second that CONTRACT grants. */
const farewellMs = 500;

/**
 * Carries messages between the agent on stdio and the server at `options.urls` until the agent is gone (stdin or stdout
 * closed, `signal`, parent dead), ends the session, and returns 0. The network never ends it.
 * Throws `usage-invalid` and `secret-invalid` before anything is sent, and what `options.admit` throws to end it.
 */
export async function runBridge(options: BridgeOptions, io: BridgeIo): Promise<0> {
  const log = options.logFile === undefined ? io.log : openLogFile(options.logFile, io.log);
  const startedAt = performance.now();
  const connection = connectTo(options, io);
  const { origin, hopeless } = connection;
  // Opened before the agent says a word.
  origin.warm().catch((error: unknown) => log.debug(`no connection yet: ${String(error)}`));
  const writer = createLineWriter(io.stdout);
  const agent = createAgent(writer);
  const { earlyAfterMs = defaultEarlyAfterMs, answerByMs = defaultAnswerByMs } = options;
  const conversation = createConversation({
    way: createWay(connection, log, io.onFirstAnswer),
    agent,
    log,
    memory: createMemory({
      urls: options.urls,
      headers: options.headers ?? [],
      lockFile: options.lockFile,
      cwd: io.cwd,
      env: io.env,
      log,
    }),
    env: io.env,
    socket: options.socket,
    url: new URL(options.urls[0]),
    times: { knownAfterMs: earlyAfterMs, latestMs: answerByMs, startedAt },
    replaysIdempotent: options.replaysIdempotent === true,
    patienceMs: options.connectTimeoutMs ?? defaultConnectTimeoutMs,
    callTimeoutMs: options.callTimeoutMs,
    maxInFlight: options.maxInFlight ?? defaultMaxInFlight,
  });
  const warming = keepWarm(
    origin,
    () => options.keepsWarm === true || readRecord({ env: io.env })?.keepsWarm === true,
    log,
  );
  const leave = new AbortController();
  const gone = Promise.race([
    aborted(io.signal).then(() => "told to end"),
    writer.closed.then(() => "nobody reads stdout"),
    parentGone(leave.signal).then(() => "the parent is gone"),
  ]);
  const intake = takeIn({
    io,
    agent,
    conversation,
    log,
    maxLineBytes: options.maxMessageBytes ?? defaultMaxFromAgentBytes,
  });
  try {
    const reason = await Promise.race([intake.then(() => "stdin is closed"), gone, hopeless]);
    log.debug(`ending: ${reason}`);
    if (reason === "stdin is closed") await Promise.race([conversation.idle(), gone, delay(graceMs)]);
  } finally {
    leave.abort();
    clearInterval(warming);
    // A slow reader still gets what was written: it would be lost with the process.
    await Promise.all([conversation.end(farewellMs), Promise.race([writer.flushed(), delay(farewellMs)])]);
    origin.close();
    io.stdin.destroy();
  }
  return 0;
}

/** A relay or a tunnel that sleeps costs the first call after it some seconds. `up --keep-warm` may ask for it at any time. */
function keepWarm(origin: Origin, isAsked: () => boolean, log: Log): NodeJS.Timeout {
  const stir = (): void => {
    if (!isAsked()) return;
    void origin.stir(warmTimeoutMs).catch((error: unknown) => log.debug(`the way is cold: ${String(error)}`));
  };
  return setInterval(stir, warmEveryMs).unref();
}

async function takeIn(context: {
  io: BridgeIo;
  agent: Agent;
  conversation: Conversation;
  log: Log;
  maxLineBytes: number;
}): Promise<void> {
  try {
    await takeLines(context.io.stdin, context.maxLineBytes, (line) => takeLine(line, context));
  } catch (error) {
    context.log.debug(`stdin broke: ${String(error)}`);
  }
}

interface Intake {
  readonly agent: Agent;
  readonly conversation: Conversation;
  readonly log: Log;
}

function takeLine(line: Line, intake: Intake): Promise<unknown> | undefined {
  if (line.kind === "oversize") {
    const id = idOfRemnant(line.head, line.tail);
    const error = tooLarge(`a message of ${line.totalBytes} bytes came from the agent, which is too large`);
    return intake.agent.fail(id, error);
  }
  if (line.bytes.every((byte) => byte === 0x20 || byte === 0x09)) return undefined;
  return takeText(line.bytes, intake, unbatch);
}

function takeText(
  bytes: Buffer,
  intake: Intake,
  split: (bytes: Buffer) => readonly Buffer[],
): Promise<unknown> | undefined {
  const { agent, conversation, log } = intake;
  const message = parseMessage(bytes);
  if (message.kind !== "invalid") return conversation.receive(message, bytes);
  const parts = split(bytes);
  // A batch holds no other one.
  if (parts.length > 0) return Promise.all(parts.flatMap((part) => takeText(part, intake, () => []) ?? []));
  log.warn(`the agent sent a line that is no message: ${message.reason}`);
  return agent.fail(message.id, { code: message.code, message: message.reason });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
