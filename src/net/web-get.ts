import type { Readable } from "node:stream";
import { messageOf, TsmcpError } from "../core/errors.ts";
import { startDeadline } from "./deadline.ts";
import { dial } from "./dial.ts";
import { type Header, headerOf } from "./http-message.ts";
import { requestHttp1 } from "./http1.ts";
import { describeProxy, proxyFromEnvironment } from "./proxy.ts";

/** One file of the web. */
export interface WebRequest {
  readonly url: URL;
  readonly headers?: readonly Header[];
  /** Names the proxy that is the way out, if there is one. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

export interface WebAnswer {
  readonly status: number;
  readonly headers: readonly Header[];
  /** To be read or destroyed; an error of it tells that the connection broke. */
  readonly body: Readable;
}

/** Until the head of the answer. */
const answerLimitMs = 15_000;
/** A server that sends nothing for so long will not go on. */
const stallLimitMs = 30_000;
const maxRedirects = 5;

/**
 * Returns the answer to a GET, after redirects; those lead from https to https only. Throws `dial-failed`, and
 * `http-failed` when the answer does not come or leads on and on.
 */
export async function getFromWeb(request: WebRequest): Promise<WebAnswer> {
  let { url, headers = [] } = request;
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const answer = await get({ ...request, url, headers });
    const location = headerOf(answer.headers, "location");
    if (answer.status < 300 || answer.status > 399 || location === undefined) return answer;
    answer.body.destroy();
    const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (
      next === undefined ||
      !(next.protocol === "https:" || (next.protocol === "http:" && url.protocol === "http:"))
    ) {
      throw failed(url, `it leads on to ${JSON.stringify(location)}, which is less safe`);
    }
    // Who is led to has no right to it.
    if (next.origin !== url.origin) headers = headers.filter(([name]) => name.toLowerCase() !== "authorization");
    url = next;
  }
  throw failed(request.url, `it leads on more than ${maxRedirects} times`);
}

/** Yields a body's bytes. Throws `http-failed` when the connection breaks, or nothing comes for half a minute. */
export async function* bytesOf(answer: WebAnswer, url: URL): AsyncGenerator<Buffer> {
  const stalled = setTimeout(() => answer.body.destroy(new Error(`nothing came for ${stallLimitMs} ms`)), stallLimitMs);
  try {
    for await (const chunk of answer.body) {
      stalled.refresh();
      yield Buffer.from(chunk);
    }
  } catch (error) {
    throw failed(url, messageOf(error) || "the connection broke", error);
  } finally {
    clearTimeout(stalled);
    answer.body.destroy();
  }
}

/** Returns a small text, such as a checksum. Throws as `getFromWeb` does, and `http-failed` for another status than 200 and a text that is too long. */
export async function getTextFromWeb(request: WebRequest, maxBytes: number): Promise<string> {
  const answer = await getFromWeb(request);
  if (answer.status !== 200) {
    answer.body.destroy();
    throw failed(request.url, `it answers ${answer.status}`, undefined, answer.status);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bytesOf(answer, request.url)) {
    size += chunk.length;
    if (size > maxBytes) throw failed(request.url, `it is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function get({ url, headers = [], env, signal }: WebRequest): Promise<WebAnswer> {
  const isSecure = url.protocol === "https:";
  const target = { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(url.port) || (isSecure ? 443 : 80) };
  const proxy = proxyFromEnvironment(env, { ...target, tls: isSecure });
  const deadline = startDeadline({ signal, timeoutMs: answerLimitMs });
  try {
    const socket = await dial(target, proxy, { timeoutMs: answerLimitMs, signal: deadline.signal });
    const { tlsOver } = await import("./tls.ts");
    const tls = { servername: target.host, alpn: ["http/1.1"], signal: deadline.signal };
    const stream = isSecure ? (await tlsOver(socket, tls)).socket : socket;
    const answer = await deadline.race(
      requestHttp1(
        {
          method: "GET",
          scheme: isSecure ? "https" : "http",
          authority: url.host,
          target: `${url.pathname}${url.search}`,
          headers: [["Accept-Encoding", "identity"], ["Connection", "close"], ...headers],
          signal,
        },
        { socket: stream },
      ),
    );
    answer.body.once("close", () => socket.destroy());
    return answer;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TsmcpError) throw error;
    const way = proxy === undefined ? "" : ` by ${describeProxy(proxy)}`;
    throw failed(url, `${messageOf(error) || "no answer"}${way}`, error);
  } finally {
    deadline.stop();
  }
}

function failed(url: URL, reason: string, cause?: unknown, status?: number): TsmcpError {
  const shown = `${url.origin}${url.pathname}`;
  return new TsmcpError({
    code: "http-failed",
    message: `${shown}: ${reason}`,
    hint: "check that this machine reaches that server, by HTTPS_PROXY where that is the only way out",
    facts: { url: shown, reason, ...(status === undefined ? {} : { status }) },
    cause,
  });
}
