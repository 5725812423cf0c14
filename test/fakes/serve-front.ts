import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { pipeline } from "node:stream";
import { certificate, privateKey } from "./certificate.ts";
import { listen } from "./listening.ts";

/** Which of tailscaled's two exposures a front stands for. */
export type Exposure = { readonly kind: "funnel" } | { readonly kind: "serve"; readonly login?: string };

export interface ServeFront extends AsyncDisposable {
  readonly port: number;
}

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

/**
 * Imitates `tailscale serve` or `funnel` in front of a backend on loopback: TLS with HTTP/2 and HTTP/1.1, the client's own
 * Host handed on as X-Forwarded-Host, tailscaled's marks removed and set, headers sorted by name, underscores passed on.
 * What it imitates was measured on stock tailscaled 1.102.5; the proof is the suite on the real one.
 */
export async function startServeFront(options: { backendPort: number; exposure: Exposure }): Promise<ServeFront> {
  const server = createSecureServer({ cert: certificate, key: privateKey, allowHTTP1: true }, (incoming, outgoing) =>
    forward(incoming, outgoing, options),
  );
  // The real one is written in Go and keeps every line.
  Object.assign(server, { maxHeadersCount: 0 });
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.on("secureConnection", (socket) => sessions.add(socket));
  const port = await listen(server);
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

function forward(
  incoming: Request,
  outgoing: Response,
  { backendPort, exposure }: { backendPort: number; exposure: Exposure },
): void {
  const { host, path } = addressOf(incoming);
  const backend = request({
    host: "127.0.0.1",
    port: backendPort,
    method: incoming.method ?? "GET",
    path,
    headers: headersFor(incoming, { host, exposure }),
    setHost: false,
  });
  backend.on("error", () => {
    if (!outgoing.headersSent) outgoing.statusCode = 502;
    outgoing.end();
  });
  backend.on("response", (answer) => {
    outgoing.statusCode = answer.statusCode ?? 502;
    for (const [name, value] of Object.entries(answer.headers)) {
      if (value !== undefined && !/^(connection|keep-alive|transfer-encoding)$/.test(name))
        outgoing.setHeader(name, value);
    }
    flushHead(outgoing);
    pipeline(answer, outgoing, () => {});
  });
  const abandon = (): unknown => backend.destroy();
  outgoing.once("close", abandon);
  readWhole(incoming).then((body) => backend.end(body), abandon);
}

async function readWhole(incoming: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A stream's head goes out before its first event. */
function flushHead(outgoing: Response): void {
  if ("flushHeaders" in outgoing) outgoing.flushHeaders();
}

/** The host in an absolute request-target counts for more than Host (RFC 9112 § 3.2.2). */
function addressOf(incoming: Request): { host: string; path: string } {
  const target = incoming.url ?? "/";
  const match = /^https?:\/\/([^/]*)(.*)$/.exec(target);
  const host = match?.[1] ?? incoming.headers[":authority"] ?? incoming.headers.host ?? "";
  return { host: String(host), path: match?.[2] ?? target };
}

function headersFor(incoming: Request, { host, exposure }: { host: string; exposure: Exposure }): string[] {
  const kept: [string, string][] = [];
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    const name = incoming.rawHeaders[index] ?? "";
    if (!isReplaced(name)) kept.push([canonical(name), incoming.rawHeaders[index + 1] ?? ""]);
  }
  const marks: [string, string][] = [
    ["X-Forwarded-Host", host],
    ["X-Forwarded-Proto", "https"],
    ["X-Forwarded-For", exposure.kind === "funnel" ? "198.51.100.7" : "100.64.0.9"],
    ...(exposure.kind === "funnel" ? [["Tailscale-Funnel-Request", "?1"] as [string, string]] : []),
    ...(exposure.kind === "serve" && exposure.login !== undefined
      ? [["Tailscale-User-Login", exposure.login] as [string, string]]
      : []),
  ];
  const sorted = [...kept, ...marks].sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
  return [["Host", host], ...sorted].flat();
}

function isReplaced(name: string): boolean {
  return /^(:.*|host|connection|keep-alive|transfer-encoding|x-forwarded-(for|host|proto)|tailscale-.*)$/i.test(name);
}

/** As Go writes names: each part between dashes begins with a capital. */
function canonical(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/(^|-)([a-z])/g, (_, dash: string, letter: string) => `${dash}${letter.toUpperCase()}`);
}
