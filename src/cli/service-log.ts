import { createJsonLog } from "../core/json-log.ts";
import type { Log } from "../core/log.ts";
import { descriptorStream } from "../net/descriptor-stream.ts";
import { createLineSink, type LineSink, toDescriptor, toStream } from "../streams/line-sink.ts";
import type { CommandContext } from "./context.ts";

/** Where a service talks. */
export interface ServiceLog {
  readonly log: Log;
  /** Undefined on a terminal, where people read. */
  readonly lines: LineSink | undefined;
  /** Before the end. */
  readonly flush: () => Promise<void>;
}

/** Nobody waits longer for a reader that reads no more. */
const flushMs = 500;

/** Returns a log of JSON lines on stderr that nobody waits for, and the usual one on a terminal. */
export function serviceLog({ errorIsTerminal, quiet, verbose, log }: CommandContext): ServiceLog {
  if (errorIsTerminal) return { log, lines: undefined, flush: () => Promise.resolve() };
  const lines = serviceLines();
  const verbosity = verbose ? "verbose" : quiet ? "quiet" : "normal";
  return {
    log: createJsonLog({ line: (text) => lines.line(text), verbosity }),
    lines,
    flush: () => lines.flush(flushMs),
  };
}

/** Returns stderr as a sink that nobody waits for. */
export function serviceLines(): LineSink {
  const stream = descriptorStream(2);
  return createLineSink(stream === undefined ? toDescriptor(2) : toStream(stream));
}
