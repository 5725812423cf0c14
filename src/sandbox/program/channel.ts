import { StringDecoder } from "node:string_decoder";
import { isObject } from "../../core/json-object.ts";
import { type Socket, startListener } from "../../net/tcp-server.ts";
import { type Call, told } from "./program.ts";

/** Runs a program by its name and returns its exit code. */
export type RunProgram = (name: string, call: Call) => Promise<number>;

/** Somebody who sends more than this before the first line ends is no stand-in. */
const maxLineChars = 1024 * 1024;

/** Starts the place where stand-ins report: each connection is one run, and its end ends the run. */
export async function startChannel(path: string, run: RunProgram): Promise<{ close(): Promise<void> }> {
  const runs = new Set<Promise<void>>();
  const listener = await startListener({ path }, (socket) => {
    const ended = new AbortController();
    socket.once("close", () => ended.abort());
    readLines(socket, {
      onFirst(line) {
        const running = serve(line, socket, ended.signal, run).finally(() => runs.delete(running));
        runs.add(running);
      },
      // The only other thing a stand-in says: it was told to end.
      onOther: () => ended.abort(told),
    });
  });
  return {
    async close() {
      await listener.close();
      await Promise.all(runs);
    },
  };
}

async function serve(line: string, socket: Socket, signal: AbortSignal, run: RunProgram): Promise<void> {
  const request = parseRequest(line);
  if (request === undefined) return void socket.destroy();
  const say = (message: object): void => {
    if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
  };
  const call: Call = {
    ...request,
    signal,
    write: (text) => say({ out: text }),
    writeError: (text) => say({ error: text }),
    takes: (signals) => say({ signals }),
    kill: () => say({ kill: "SIGKILL" }),
  };
  try {
    say({ exit: await run(request.name, call) });
  } catch (error) {
    say({ error: `the sandbox failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n` });
    say({ exit: 70 });
  }
}

function readLines(socket: Socket, on: { onFirst(line: string): void; onOther(): void }): void {
  const decoder = new StringDecoder("utf8");
  let text = "";
  let isFirst = true;
  socket.on("end", () => socket.end());
  socket.on("data", (chunk) => {
    text += decoder.write(chunk);
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      if (isFirst) on.onFirst(line);
      else on.onOther();
      isFirst = false;
    }
    if (text.length > maxLineChars) socket.destroy();
  });
}

type Request = Pick<Call, "argv" | "files" | "hostname"> & { readonly name: string };

function parseRequest(line: string): Request | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isObject(value) || typeof value.name !== "string" || !Array.isArray(value.argv)) return undefined;
  const files = isObject(value.files) ? Object.entries(value.files) : [];
  return {
    name: value.name,
    argv: value.argv.filter((argument) => typeof argument === "string"),
    hostname: typeof value.hostname === "string" ? value.hostname : "localhost",
    files: Object.fromEntries(files.map(([path, file]) => [path, fileOf(file)])),
  };
}

function fileOf(file: unknown): { readonly text: string } | { readonly code: string } {
  if (isObject(file) && typeof file.text === "string") return { text: file.text };
  return { code: isObject(file) && typeof file.code === "string" ? file.code : "ENOENT" };
}
