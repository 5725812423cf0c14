import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import type { Connections, HttpAnswer } from "./connections.ts";

/** One agent's session with a gateway. */
export interface HttpSession {
  /** Returns the text of the answer to one call, of "echo" unless told. Throws when it is none. */
  call(text: string, tool?: string): Promise<string>;
  /** Opens the stream of the server's own messages; returns what closes it. */
  listen(): Promise<() => void>;
}

export interface Door {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export async function openHttpSession(door: Door, connections: Connections): Promise<HttpSession> {
  let lastId = 1;
  const linesOf = (headers: Readonly<Record<string, string>>): string =>
    Object.entries({ ...door.headers, ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("");
  const opening = `POST ${door.path} HTTP/1.1\r\nhost: 127.0.0.1:${door.port}\r\naccept: application/json, text/event-stream\r\ncontent-type: application/json\r\n`;
  const post = (message: object, lines: string): Promise<HttpAnswer> => {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    return connections.exchange(
      door.port,
      `${opening}${lines}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  };
  const clientInfo = { name: "bench", version: "1" };
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
  const opened = await post({ id: 1, method: "initialize", params }, linesOf({}));
  const session = {
    "mcp-session-id": /\r\nmcp-session-id: *(\S+)/i.exec(opened.head)?.[1] ?? "",
    "mcp-protocol-version": "2025-06-18",
  };
  messageIn(opened.body);
  const lines = linesOf(session);
  await post({ method: "notifications/initialized" }, lines);
  return {
    async call(text, tool = "echo") {
      lastId += 1;
      const id = lastId;
      const asked = { id, method: "tools/call", params: { name: tool, arguments: { text } } };
      const { status, body } = await post(asked, lines);
      const { id: answered, result } = messageIn(body);
      if (answered !== id || result?.content[0] === undefined) throw new Error(`${status}: ${body.slice(0, 200)}`);
      return result.content[0].text;
    },
    async listen() {
      const outgoing = httpRequest({
        ...{ host: "127.0.0.1", port: door.port, path: door.path, agent: false },
        headers: { accept: "text/event-stream", ...door.headers, ...session },
      });
      outgoing.end();
      const [response] = (await once(outgoing, "response")) as [IncomingMessage];
      if (response.statusCode !== 200) throw new Error(`GET: ${response.statusCode}`);
      response.on("error", () => {}).resume();
      return () => outgoing.destroy();
    },
  };
}

interface Answered {
  readonly id?: number;
  readonly result?: { readonly content: readonly { readonly text: string }[] };
}

/** The JSON of an answer, or of the last event of a stream. */
function messageIn(body: string): Answered {
  const data = body.startsWith("{")
    ? body
    : (body
        .match(/^data: (.*)$/gm)
        ?.at(-1)
        ?.slice(6) ?? "{}");
  return JSON.parse(data) as Answered;
}
