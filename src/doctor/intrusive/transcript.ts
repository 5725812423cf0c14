import type { Laboratory } from "./laboratory.ts";

/** What went over the connections to the servers while it was kept. */
export interface Transcript {
  /** Every answer, with its head. */
  answers(): readonly string[];
  /** Those that nobody asked for: on a connection, the ones past the number of requests that went out on it. */
  unasked(): readonly string[];
  /** Settles when a server says something, or `signal` fires. */
  answered(signal: AbortSignal): Promise<void>;
  stop(): void;
}

/** More than the answers of one attempt; what is past it is not looked at. */
const maxConnectionBytes = 1024 * 1024;

export function keepTranscript(laboratory: Laboratory): Transcript {
  const connections = new Map<number, { requests: number; text: string }>();
  let wake = (): void => {};
  const stop = laboratory.watch((event) => {
    const known = connections.get(event.connection) ?? { requests: 0, text: "" };
    connections.set(event.connection, known);
    if (event.kind === "asked") known.requests += 1;
    else if (known.text.length < maxConnectionBytes) known.text += event.bytes.toString("latin1");
    if (event.kind === "said") wake();
  });
  const hasAnswer = (): boolean => [...connections.values()].some(({ text }) => text !== "");
  return {
    answers: () => [...connections.values()].flatMap(({ text }) => finalAnswers(text)),
    unasked: () => [...connections.values()].flatMap(({ requests, text }) => finalAnswers(text).slice(requests)),
    answered: (signal) =>
      new Promise((resolve) => {
        if (hasAnswer() || signal.aborted) return resolve();
        wake = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
      }),
    stop,
  };
}

/** Returns the answers that are no interim ones, each with its head. */
export function finalAnswers(text: string): readonly string[] {
  return text.split(/(?=HTTP\/1\.[01] \d{3}[ \r])/).filter((part) => /^HTTP\/1\.[01] [2-5]/.test(part));
}

/** Returns the body of an answer, out of its chunks. */
export function bodyOf(answer: string): Buffer {
  const at = answer.indexOf("\r\n\r\n");
  const head = answer.slice(0, at);
  const body = at === -1 ? "" : answer.slice(at + 4);
  if (!/^transfer-encoding: *chunked/im.test(head)) return Buffer.from(body, "latin1");
  let whole = "";
  for (let rest = body; ; ) {
    const [line, size] = /^([0-9a-fA-F]+)[^\n]*\r\n/.exec(rest) ?? [];
    const length = Number.parseInt(size ?? "0", 16);
    if (line === undefined || length === 0) return Buffer.from(whole, "latin1");
    whole += rest.slice(line.length, line.length + length);
    rest = rest.slice(line.length + length + 2);
  }
}
