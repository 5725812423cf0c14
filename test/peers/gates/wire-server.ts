import { createServer, type Socket } from "node:net";
import type { GateServer } from "./mcp-server.ts";
import { replyTo } from "./plain-server.ts";

/** The head of a request, with names in small letters; of several lines of one name the last counts. */
export interface WireHead {
  readonly method: string;
  readonly target: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** How long a body is that this server reads: bytes, chunks, or none at all. */
export type WireBody = number | "chunked";

export interface WireOptions {
  readonly path: string;
  readonly tools: readonly string[];
  /** What it reads of a body before it answers; the rest is the next request to it. */
  readonly reads?: (head: WireHead) => WireBody;
  /** Answers without a look at the body. */
  readonly refuses?: (head: WireHead) => number | undefined;
  /** Whether it hangs up after an answer that it gave without having read the body. */
  readonly hangsUp?: boolean;
  /** Serves one connection's request after another's, whatever comes. */
  readonly oneAtATime?: boolean;
}

/** An MCP server that reads HTTP/1.1 by itself, as small frameworks do; its gate is sound as far as headers go. */
export async function startWireServer(options: WireOptions): Promise<GateServer> {
  const { tools } = options;
  const calls: string[] = [];
  const sockets = new Set<Socket>();
  let turn: Promise<void> = Promise.resolve();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    const pieces = piecesOf(socket);
    void (async () => {
      for (;;) {
        const head = await readHead(pieces);
        if (head === undefined) return void socket.end();
        const before = turn;
        const answering = (options.oneAtATime === true ? before : Promise.resolve()).then(() =>
          answerOne(socket, { head, pieces, options, calls }),
        );
        turn = answering.then(
          () => {},
          () => {},
        );
        if (!(await answering)) return void socket.end();
      }
    })().catch(() => socket.destroy());
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  return {
    port,
    tools,
    calls,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** What the standards say. */
export function declaredBody({ headers }: WireHead): WireBody {
  if (headers.get("transfer-encoding") === "chunked") return "chunked";
  return Number(headers.get("content-length") ?? 0);
}

interface Exchange {
  readonly head: WireHead;
  readonly pieces: Pieces;
  readonly options: WireOptions;
  readonly calls: string[];
}

/** Returns whether the connection stays. */
async function answerOne(socket: Socket, { head, pieces, options, calls }: Exchange): Promise<boolean> {
  const { path, tools, refuses, reads = declaredBody, hangsUp = false } = options;
  const refusal = refuses?.(head);
  if (refusal !== undefined) {
    send(socket, { status: refusal, body: "", isLast: hangsUp, head });
    return !hangsUp;
  }
  const length = reads(head);
  const body = length === "chunked" ? await readChunks(pieces) : await pieces.take(length);
  if (body === undefined) return false;
  const message = head.target === path && head.method === "POST" ? parse(body) : undefined;
  if (message === undefined) {
    send(socket, { status: head.target === path ? 400 : 404, body: "", isLast: false, head });
    return true;
  }
  const trusted =
    !head.headers.has("tailscale-funnel-request") && (head.headers.get("x-forwarded-for") ?? "").startsWith("100.");
  const reply = replyTo(message, { trusted, tools, calls });
  send(socket, { status: reply === undefined ? 202 : 200, body: JSON.stringify(reply) ?? "", isLast: false, head });
  return true;
}

function send(
  socket: Socket,
  {
    status,
    body,
    isLast,
    head,
  }: { readonly status: number; readonly body: string; readonly isLast: boolean; readonly head: WireHead },
): void {
  const length = Buffer.byteLength(body);
  const close = isLast ? "Connection: close\r\n" : "";
  const answer = `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${close}\r\n`;
  socket.write(head.method === "HEAD" ? answer : answer + body);
}

function parse(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

async function readHead(pieces: Pieces): Promise<WireHead | undefined> {
  const text = await pieces.until("\r\n\r\n");
  const [line = "", ...lines] = (text ?? "").split("\r\n");
  const [, method, target] = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(line) ?? [];
  // What is no request ends the connection.
  if (method === undefined || target === undefined) return undefined;
  const headers = lines.map((one): [string, string] => {
    const at = one.indexOf(":");
    return [one.slice(0, at).toLowerCase(), one.slice(at + 1).trim()];
  });
  return { method, target, headers: new Map(headers) };
}

async function readChunks(pieces: Pieces): Promise<string | undefined> {
  for (let whole = ""; ; ) {
    const size = Number.parseInt((await pieces.until("\r\n")) ?? "", 16);
    if (Number.isNaN(size)) return undefined;
    whole += (await pieces.take(size)) ?? "";
    await pieces.until("\r\n");
    if (size === 0) return whole;
  }
}

interface Pieces {
  /** Up to a mark, without it; undefined at the end. */
  until(mark: string): Promise<string | undefined>;
  take(length: number): Promise<string | undefined>;
}

function piecesOf(socket: Socket): Pieces {
  let text = "";
  let isOver = false;
  let wake = (): void => {};
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    wake();
  });
  socket.once("close", () => {
    isOver = true;
    wake();
  });
  const cut = async (lengthOf: () => number | undefined): Promise<string | undefined> => {
    for (;;) {
      const length = lengthOf();
      if (length !== undefined) {
        const taken = text.slice(0, length);
        text = text.slice(length);
        return taken;
      }
      if (isOver) return undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    async until(mark) {
      const taken = await cut(() => (text.includes(mark) ? text.indexOf(mark) + mark.length : undefined));
      return taken?.slice(0, -mark.length);
    },
    take: (length) => cut(() => (text.length >= length ? length : undefined)),
  };
}
