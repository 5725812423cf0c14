import { join } from "node:path";
import { createLog, type Log } from "../core/log.ts";
import { createLineSink, type LineSink } from "../streams/line-sink.ts";
import { openTurnedFile, toTurnedFile } from "../streams/turned-file.ts";
import type { CommandContext } from "./context.ts";
import { serviceLines } from "./service-log.ts";

/** Where an exposure talks: its steps are told to people, and requests in lines of JSON. */
export interface ExposureLog {
  readonly log: Log;
  readonly writeError: (text: string) => void;
  /** Undefined for a command that has no gateway. */
  readonly lines: LineSink | undefined;
  /** Before the end. */
  readonly flush: () => Promise<void>;
}

/** A few thousand requests, and as many before them. */
const maxFileBytes = 4 * 1024 * 1024;

/** Nobody waits longer for a reader that reads no more. */
const flushMs = 500;

/** Returns the file that an exposure in the background talks to, and one on a terminal about requests. */
export function exposureLogFile(directory: string): string {
  return join(directory, "expose.log");
}

/** Where the gateway of an exposure runs: in this command, as the process in the background, or in another one. */
export type ExposurePlace = "here" | "background" | "elsewhere";

/**
 * Returns both: on a terminal the steps, and requests in the file; elsewhere everything on stderr; for the process in the
 * background, whose stderr is the file, everything there. No request waits for what cannot be written.
 */
export function exposureLog(
  context: CommandContext,
  { directory, place }: { readonly directory: string; readonly place: ExposurePlace },
): ExposureLog {
  const { log, writeError } = context;
  if (place === "elsewhere") return { log, writeError, lines: undefined, flush: () => Promise.resolve() };
  const file = exposureLogFile(directory);
  if (place === "background") {
    const turned = openTurnedFile(file, maxFileBytes);
    return spoken(context, inFile(file), (text) => void turned.append(Buffer.from(text)));
  }
  if (context.errorIsTerminal) return spoken(context, inFile(file), writeError);
  const lines = serviceLines();
  return spoken(context, lines, (text) => {
    if (text !== "") lines.line(text.replace(/\n$/, ""));
  });
}

function inFile(file: string): LineSink {
  return createLineSink(toTurnedFile(file, maxFileBytes));
}

function spoken({ quiet, verbose }: CommandContext, lines: LineSink, write: (text: string) => void): ExposureLog {
  const verbosity = verbose ? "verbose" : quiet ? "quiet" : "normal";
  return { log: createLog({ write, verbosity }), writeError: write, lines, flush: () => lines.flush(flushMs) };
}
