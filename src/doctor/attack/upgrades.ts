import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { TsmcpError } from "../../core/errors.ts";
import { startDeadline } from "../../net/deadline.ts";
import type { Header } from "../../net/http-message.ts";
import { openHttp2 } from "../../net/http2.ts";
import { requestUpgrade, type UpgradeAnswer } from "../../net/upgrade.ts";
import { clientFrame, serverMessages } from "../../net/websocket.ts";
import type { TargetContext } from "../context.ts";
import { plainText } from "../plain-text.ts";
import { type McpAnswer, readAnswer } from "../probe/answer.ts";
import { maxAnswerBytes, userAgent } from "../probe/caller.ts";
import { disguiseHeaders } from "../probe/disguise.ts";
import { nothingSeen, type Sighting, toolNames } from "../probe/look.ts";
import { initializedMessage, initializeMessage, legacyMessage, type McpMessage } from "../probe/message.ts";
import type { Route } from "../probe/route.ts";
import { endOf } from "../target.ts";
import type { OpenApproach } from "./approach.ts";
import type { Try } from "./attack.ts";
import { asSomebody } from "./identity.ts";

const timeoutMs = 4_000;

/** Asks the public side to go on in another protocol, past which nobody looks at headers, and then for the tools. */
export function tryUpgrades(
  context: TargetContext,
  { open, signal }: { readonly open: OpenApproach; readonly signal: AbortSignal },
): Promise<Try>[] {
  const { route, inside } = open;
  const key = randomBytes(16).toString("base64");
  const websocket: readonly Header[] = [
    ["Connection", "Upgrade"],
    ["Upgrade", "websocket"],
    ["Sec-WebSocket-Version", "13"],
    ["Sec-WebSocket-Key", key],
    ["Sec-WebSocket-Protocol", "mcp"],
  ];
  const h2c: readonly Header[] = [
    ["Connection", "Upgrade, HTTP2-Settings"],
    ["Upgrade", "h2c"],
    ["HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA"],
  ];
  const forged = disguiseHeaders(asSomebody(inside));
  return [
    tryUpgrade(context, { route, signal, name: "websocket", headers: websocket, converse: byFrames }),
    tryUpgrade(context, {
      route,
      signal,
      name: "h2c",
      headers: h2c,
      converse: (socket) => byHttp2(socket, { route, host: `${inside.tailnetHost}:${inside.port}`, forged }),
    }),
  ];
}

type Converse = (socket: Duplex, head: Buffer) => Promise<McpAnswer | undefined>;

async function tryUpgrade(
  context: TargetContext,
  request: {
    readonly route: Route;
    readonly signal: AbortSignal;
    readonly name: string;
    readonly headers: readonly Header[];
    readonly converse: Converse;
  },
): Promise<Try> {
  const { route, name, headers } = request;
  const work = (): Promise<Sighting> => sightingAfter(request);
  const sent = await context.traffic.send<Sighting>({
    side: "public",
    isForged: true,
    work,
    ask: work,
    outcomeOf: ({ status }) => ({ status, reached: status !== undefined }),
  });
  const held = { ...nothingSeen, opening: "none", opened: false, kind: "held" } as const;
  const path = `${route.url.pathname}${route.url.search}`;
  const sighting = sent.kind === "sent" ? sent.answer : { ...held, reason: sent.reason };
  return {
    url: route.url.href,
    label: `Upgrade: ${name}`,
    sighting,
    reproduce: () =>
      [
        "curl -sS -i -N -m 10 --http1.1",
        ...route.curl,
        `'${route.url.origin}${path}'`,
        ...headers.map(([header, value]) => `-H '${header}: ${value}'`),
      ].join(" "),
  };
}

async function sightingAfter(request: Parameters<typeof tryUpgrade>[1]): Promise<Sighting> {
  const { route, headers, converse, signal } = request;
  const base = { ...nothingSeen, opening: "none", opened: false } as const;
  const deadline = startDeadline({ signal, timeoutMs });
  let answer: UpgradeAnswer | undefined;
  try {
    answer = await requestUpgrade({
      dial: () => route.open(signal),
      tls: route.url.protocol === "https:" ? { servername: endOf(route.url).host, ca: route.ca } : undefined,
      method: "GET",
      path: `${route.url.pathname}${route.url.search}`,
      headers: [["Host", route.url.host], ["User-Agent", userAgent], ...headers],
      timeoutMs,
      signal,
    });
    const { status } = answer;
    if (answer.socket === undefined) return { ...base, kind: "foreign", status, reason: `HTTP ${status}` };
    const said = await deadline.race(converse(answer.socket, answer.head)).catch(() => undefined);
    const reason = "HTTP 101, it goes on in the other protocol";
    if (said?.kind !== "result") return { ...base, kind: "unlisted", status, reason };
    return { ...base, kind: "listed", status, reason, tools: toolNames(said.result) };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const said = error instanceof TsmcpError || error instanceof Error ? error.message : String(error);
    return { ...base, kind: "broken", reason: plainText(said) };
  } finally {
    deadline.stop();
    answer?.socket?.destroy();
  }
}

async function byFrames(socket: Duplex, head: Buffer): Promise<McpAnswer | undefined> {
  const list = legacyMessage("tools/list", {}, []);
  socket.write(clientFrame(String(initializeMessage().body)));
  let answers = 0;
  for await (const text of serverMessages(socket, { head, maxBytes: maxAnswerBytes })) {
    const answer = readAnswer(Buffer.from(text), 1);
    if (answer === undefined) continue;
    answers += 1;
    if (answers > 1 || (answer.kind === "result" && Array.isArray(answer.result.tools))) return answer;
    socket.write(clientFrame(String(initializedMessage([]).body)));
    socket.write(clientFrame(String(list.body)));
  }
  return undefined;
}

async function byHttp2(
  socket: Duplex,
  { route, host, forged }: { readonly route: Route; readonly host: string; readonly forged: readonly Header[] },
): Promise<McpAnswer | undefined> {
  const message: McpMessage = legacyMessage("tools/list", {}, []);
  const connection = openHttp2(socket);
  const response = await connection.request({
    method: "POST",
    scheme: "http",
    authority: host,
    target: route.url.pathname,
    headers: [
      ["Content-Type", "application/json"],
      ["Accept", "application/json, text/event-stream"],
      ["User-Agent", userAgent],
      ...forged,
    ],
    body: Buffer.from(message.body),
  });
  const chunks: Buffer[] = [];
  for await (const chunk of response.body) chunks.push(Buffer.from(chunk));
  return readAnswer(Buffer.concat(chunks), 1);
}
