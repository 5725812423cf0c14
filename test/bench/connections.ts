import { connect, type Socket } from "node:net";

/** Connections of HTTP/1.1 to one port of this machine. */
export interface Connections {
  /** Sends a request, whole as it goes out, and returns the answer. Rejects when the connection ends before that. */
  exchange(port: number, request: string): Promise<HttpAnswer>;
  destroy(): void;
}

export interface HttpAnswer {
  readonly status: number;
  /** As it came, line by line. */
  readonly head: string;
  readonly body: string;
}

/**
 * Returns connections that are kept, or one for each request, as tailscale serve opens most of them. By hand, because Node's
 * client takes as much processor time for a call as a gateway does, and what is measured shares the machine with it.
 */
export function connections(isKept: boolean): Connections {
  const idle: Connection[] = [];
  const open = new Set<Connection>();
  const connectionTo = (port: number): Connection => {
    const made = new Connection(port);
    open.add(made);
    const drop = (): void => {
      const at = idle.indexOf(made);
      if (at >= 0) idle.splice(at, 1);
    };
    made.socket.once("end", drop).once("close", drop);
    made.socket.once("close", () => open.delete(made));
    return made;
  };
  return {
    async exchange(port, request) {
      // The one used last: the others may be left to the server to close.
      const connection = idle.pop() ?? connectionTo(port);
      const answer = await connection.exchange(request);
      if (isKept && !/\r\nconnection: close\r\n/i.test(answer.head)) idle.push(connection);
      else connection.socket.destroy();
      return answer;
    },
    destroy() {
      for (const { socket } of open) socket.destroy();
    },
  };
}

interface Waiting {
  resolve(answer: HttpAnswer): void;
  reject(error: Error): void;
}

/** One request at a time. */
class Connection {
  readonly socket: Socket;
  #waiting: Waiting | undefined;
  #text = "";

  constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port, noDelay: true }).setEncoding("latin1");
    this.socket.on("data", (text: string) => this.#take(text));
    this.socket.on("error", (error) => this.#waiting?.reject(error));
    this.socket.on("close", () => this.#waiting?.reject(new Error(`the connection ended behind "${this.#text}"`)));
  }

  exchange(request: string): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.socket.write(request);
    });
  }

  #take(text: string): void {
    this.#text += text;
    const answer = parseAnswer(this.#text);
    if (answer === undefined) return;
    this.#text = "";
    this.#waiting?.resolve(answer);
    this.#waiting = undefined;
  }
}

/** Returns the answer once it is there whole. */
function parseAnswer(text: string): HttpAnswer | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = text.slice(0, headEnd + 2);
  const rest = text.slice(headEnd + 4);
  const status = Number(text.slice(9, 12));
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? (status === 204 ? 0 : Number.NaN));
  const body = Number.isNaN(length) ? unchunked(rest) : rest.length >= length ? rest : undefined;
  return body === undefined ? undefined : { status, head, body: Buffer.from(body, "latin1").toString() };
}

/** Returns what the chunks hold, once the last is there. Source: RFC 9112 §7.1. */
function unchunked(text: string): string | undefined {
  let body = "";
  for (let at = 0; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const length = Number.parseInt(text.slice(at, lineEnd), 16);
    if (length === 0) return text.endsWith("\r\n\r\n") ? body : undefined;
    const end = lineEnd + 2 + length;
    if (text.length < end + 2) return undefined;
    body += text.slice(lineEnd + 2, end);
    at = end + 2;
  }
}
