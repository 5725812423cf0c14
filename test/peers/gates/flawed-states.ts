import { createHash } from "node:crypto";
import type { Server } from "node:http";
import { performServerHandshake } from "node:http2";
import type { Duplex } from "node:stream";
import { type FlawedGate, hasEveryHeader, isServe, orServe } from "./flawed.ts";
import { type GateServer, startGate } from "./mcp-server.ts";
import { startOldTransport } from "./old-transport.ts";
import { type PlainOptions, replyTo, startPlainGate } from "./plain-server.ts";
import { startPythonGate } from "./python.ts";

const never = orServe(() => false);

/** Gates on what is kept, on what is not a request, and on what is not a tool. */
export const stateGates: readonly FlawedGate[] = [
  {
    name: "decides at initialize, for everybody who has the session's id",
    found: "separation.session",
    start: ({ path, tools }) => startGate({ gate: never, flavour: "sessions", path, tools }),
  },
  {
    name: "takes any session id for one that it gave",
    found: "separation.session",
    start: plain(({ request }) => request.headers["mcp-session-id"] !== undefined),
  },
  {
    name: "keeps the last list for whoever asks next",
    found: "separation.caching",
    orFound: "public.tools",
    start: async ({ path, tools }) => {
      let isKept = false;
      return startPlainGate({
        path,
        tools,
        trusts: ({ request, raw }) => {
          if (!raw.includes("tools/list")) return false;
          const isTrusted = hasEveryHeader(request) && isServe(request);
          const wasKept = isKept;
          isKept = isTrusted;
          return isTrusted || wasKept;
        },
      });
    },
  },
  {
    name: "gates tools and hands prompts and resources on",
    found: "separation.methods",
    leaksNoTool: true,
    start: others({
      "prompts/list": { prompts: [{ name: "secret" }] },
      "resources/list": { resources: [{ uri: "file:///secret", name: "secret" }] },
    }),
  },
  {
    name: "hands resource templates on",
    found: "separation.methods",
    leaksNoTool: true,
    start: others({ "resources/templates/list": { resourceTemplates: [{ uriTemplate: "x:{y}", name: "x" }] } }),
  },
  {
    name: "hands completions on",
    found: "separation.methods",
    leaksNoTool: true,
    start: others({ "completion/complete": { completion: { values: ["secret"] } } }),
  },
  {
    name: "hands tasks on",
    found: "separation.methods",
    leaksNoTool: true,
    start: others({ "tasks/list": { tasks: [{ taskId: "1" }] } }),
  },
  {
    name: "sits on requests and not on websockets",
    found: "separation.upgrade",
    start: upgrading(byWebsocket),
  },
  {
    name: "takes h2c, past which the login is forged",
    found: "separation.upgrade",
    start: upgrading(byH2c),
  },
  {
    name: "has the old transport beside the new, ungated",
    found: "separation.paths",
    start: ({ path, tools }) => startOldTransport({ gate: never, path, tools }),
  },
  ...(["Tailscale-User-Login", "X-Forwarded-For"] as const).map(
    (header): FlawedGate => ({
      name: `is wsgiref, which folds underscores, and trusts ${header}`,
      found: header === "X-Forwarded-For" ? "separation.forwarding-headers" : "separation.identity-headers",
      start: ({ path, tools }) => startPythonGate({ path, tools, trusts: header }),
    }),
  ),
];

function plain(passes: PlainOptions["trusts"]): FlawedGate["start"] {
  return ({ path, tools }) =>
    startPlainGate({
      path,
      tools,
      trusts: (seen) => (hasEveryHeader(seen.request) && isServe(seen.request)) || passes(seen),
    });
}

function others(answers: Readonly<Record<string, object>>): FlawedGate["start"] {
  return ({ path, tools }) =>
    startPlainGate({
      path,
      tools,
      trusts: ({ request }) => hasEveryHeader(request) && isServe(request),
      others: answers,
    });
}

function upgrading(onUpgrade: NonNullable<PlainOptions["onUpgrade"]>): FlawedGate["start"] {
  return ({ path, tools }): Promise<GateServer> =>
    startPlainGate({ path, tools, trusts: ({ request }) => hasEveryHeader(request) && isServe(request), onUpgrade });
}

/** Answers each text message, as a server on a websocket library does. */
function byWebsocket(server: Server, tools: readonly string[]): void {
  server.on("upgrade", (request, socket: Duplex) => {
    socket.on("error", () => {});
    if (request.headers.upgrade !== "websocket") return void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on("data", (chunk: Buffer) => {
      for (const text of clientTexts(chunk)) {
        const answer = replyTo(JSON.parse(text), { trusted: true, tools, calls: [] });
        if (answer !== undefined) socket.write(serverFrame(JSON.stringify(answer)));
      }
    });
  });
}

/** The frames of one chunk: enough for messages as short as a client's here. */
function clientTexts(chunk: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at + 6 <= chunk.length; ) {
    const short = (chunk[at + 1] ?? 0) & 0x7f;
    const length = short === 126 ? chunk.readUInt16BE(at + 2) : short;
    const maskAt = at + (short === 126 ? 4 : 2);
    const mask = chunk.subarray(maskAt, maskAt + 4);
    const payload = chunk.subarray(maskAt + 4, maskAt + 4 + length).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
    texts.push(Buffer.from(payload).toString("utf8"));
    at = maskAt + 4 + length;
  }
  return texts;
}

function serverFrame(text: string): Buffer {
  const payload = Buffer.from(text, "utf8");
  const head = Buffer.alloc(payload.length < 126 ? 2 : 4);
  head[0] = 0x81;
  head[1] = Math.min(payload.length, 126);
  if (payload.length >= 126) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

/** Goes on in HTTP/2 without a gate of its own: a login header is one that tailscaled set. */
function byH2c(server: Server, tools: readonly string[]): void {
  server.on("upgrade", (request, socket: Duplex) => {
    socket.on("error", () => {});
    if (request.headers.upgrade !== "h2c") return void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    const session = performServerHandshake(socket);
    session.on("error", () => {});
    session.on("stream", (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on("error", () => {});
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const trusted = headers["tailscale-user-login"] !== undefined;
        const answer = replyTo(JSON.parse(String(Buffer.concat(chunks))), { trusted, tools, calls: [] });
        stream.respond({ ":status": 200, "content-type": "application/json" });
        stream.end(JSON.stringify(answer));
      });
    });
  });
}
