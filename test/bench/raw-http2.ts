import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTls } from "node:tls";
import { dial } from "../../src/net/dial.ts";
import type { StdioAgent } from "./stdio-agent.ts";

/** The floor: node:http2 over one tunnel, with no bridge and no second process in between. */
export async function openRaw({
  url,
  proxy,
  ca,
}: {
  url: URL;
  proxy: string;
  ca: string;
}): Promise<Pick<StdioAgent, "ask" | "end">> {
  const [host = "", port = ""] = proxy.split(":");
  const route = { protocol: "http", host, port: Number(port) } as const;
  const socket = await dial({ host: url.hostname, port: Number(url.port || 443) }, route, { timeoutMs: 5_000 });
  const tls = connectTls({ socket, servername: url.hostname, ca, ALPNProtocols: ["h2"] });
  const session = connect(url.origin, {
    createConnection: () => tls,
    settings: { initialWindowSize: 16 * 1024 * 1024 },
  });
  await once(session, "connect");
  session.setLocalWindowSize(16 * 1024 * 1024);
  let lastId = 0;
  let sessionId = "";
  const post = async (message: object): Promise<Buffer> => {
    const { head, body } = await exchange(
      session,
      url.pathname,
      JSON.stringify({ jsonrpc: "2.0", ...message }),
      sessionId,
    );
    const given = head["mcp-session-id"];
    if (sessionId === "" && typeof given === "string") sessionId = given;
    return body;
  };
  await post({
    id: 0,
    method: "initialize",
    params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: {} },
  });
  await post({ method: "notifications/initialized" });
  return {
    async ask(method, params) {
      lastId += 1;
      return JSON.parse(messageIn(await post({ id: lastId, method, params })));
    },
    async end() {
      session.destroy();
      return 0;
    },
  };
}

/** Returns the message of a body, which is its only event where it is a stream. */
function messageIn(body: Buffer): string {
  const mark = "data: ";
  const at = body.subarray(0, 64).indexOf(mark);
  return at < 0 ? body.toString() : body.toString("utf8", at + mark.length);
}

function exchange(
  session: ClientHttp2Session,
  path: string,
  text: string,
  sessionId: string,
): Promise<{ head: Readonly<Record<string, unknown>>; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...(sessionId === "" ? {} : { "mcp-session-id": sessionId }),
    });
    const chunks: Buffer[] = [];
    let head: Readonly<Record<string, unknown>> = {};
    stream.on("response", (headers) => {
      head = headers;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("end", () => resolve({ head, body: Buffer.concat(chunks) }));
    stream.end(text);
  });
}
