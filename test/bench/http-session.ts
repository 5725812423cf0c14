import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";

/** One agent's session with a gateway, as plain Node has it. */
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

/** Returns connections that are kept, or one for each request, as tailscale serve opens most of them. */
export function connections(isKept: boolean): Agent {
  return new Agent({ keepAlive: isKept, maxSockets: 2_000, scheduling: "lifo" });
}

export async function openHttpSession(door: Door, agent: Agent): Promise<HttpSession> {
  let lastId = 1;
  const clientInfo = { name: "bench", version: "1" };
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
  const opened = await post({ id: 1, method: "initialize", params }, {});
  const session = {
    "mcp-session-id": String(opened.headers["mcp-session-id"] ?? ""),
    "mcp-protocol-version": "2025-06-18",
  };
  messageIn(await textOf(opened));
  await textOf(await post({ method: "notifications/initialized" }, session));
  return {
    async call(text, tool = "echo") {
      lastId += 1;
      const id = lastId;
      const asked = { id, method: "tools/call", params: { name: tool, arguments: { text } } };
      const answer = await post(asked, session);
      const body = await textOf(answer);
      const { id: answered, result } = messageIn(body);
      if (answered !== id || result?.content[0] === undefined)
        throw new Error(`${answer.statusCode}: ${body.slice(0, 200)}`);
      return result.content[0].text;
    },
    async listen() {
      const outgoing = send("GET", session);
      outgoing.end();
      const [response] = (await once(outgoing, "response")) as [IncomingMessage];
      if (response.statusCode !== 200) throw new Error(`GET: ${response.statusCode}`);
      response.on("error", () => {}).resume();
      return () => outgoing.destroy();
    },
  };

  function send(method: string, headers: Record<string, string>) {
    return httpRequest({
      host: "127.0.0.1",
      ...{ agent, method, port: door.port, path: door.path },
      headers: {
        accept: method === "GET" ? "text/event-stream" : "application/json, text/event-stream",
        ...door.headers,
        ...headers,
      },
    });
  }
  async function post(message: object, headers: Record<string, string>): Promise<IncomingMessage> {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    const outgoing = send("POST", {
      ...headers,
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(body)),
    });
    outgoing.end(body);
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    return response;
  }
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

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  response.setEncoding("utf8");
  for await (const chunk of response) text += chunk;
  return text;
}
