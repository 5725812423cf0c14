import { dial } from "./dial.ts";
import { decodeAnswer, encodeQuestion } from "./dns-message.ts";
import { exchange } from "./exchange.ts";

/** A DNS answer is at most 64 KiB (RFC 8484 §6). */
const maxAnswerBytes = 64 * 1024;

export interface HttpsQuestion {
  readonly name: string;
  readonly type: "A" | "AAAA";
  readonly url: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Returns the addresses a DNS over HTTPS server (RFC 8484) gives. Throws an error with the code ENOTFOUND for "no such name". */
export async function resolveOverHttps(question: HttpsQuestion): Promise<string[]> {
  const { name, type, timeoutMs, signal } = question;
  const url = new URL(question.url);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const answer = await exchange({
    dial: () => dial({ host, port: Number(url.port || 443) }, undefined, { timeoutMs, signal }),
    tls: { servername: host },
    protocol: "auto",
    authority: url.host,
    method: "POST",
    path: `${url.pathname}${url.search}`,
    headers: [
      ["content-type", "application/dns-message"],
      ["accept", "application/dns-message"],
    ],
    body: encodeQuestion(name, type),
    timeoutMs,
    maxBodyBytes: maxAnswerBytes,
    signal,
  });
  if (answer.status !== 200) throw new Error(`the resolver answered HTTP ${answer.status}`);
  const { code, addresses } = decodeAnswer(answer.body, type);
  if (code === 3) throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  if (code !== 0) throw new Error(`the resolver answered DNS code ${code}`);
  return addresses;
}
