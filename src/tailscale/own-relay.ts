import { pipeline } from "node:stream";
import { messageOf } from "../core/errors.ts";
import { dialLocal } from "../net/dial-local.ts";
import { type Socket, startListener } from "../net/tcp-server.ts";
import { requestUpgrade } from "../net/upgrade.ts";

/** A proxy of this process's own, which leads to one port of one name. */
export interface OwnRelay {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/** tailscaled answers at once when the name is its own. */
const dialTimeoutMs = 5_000;

/** A CONNECT with a few headers. */
const maxHeadBytes = 8 * 1024;

/**
 * Starts an HTTP proxy on loopback that has tailscaled itself dial, for a node that has neither a TUN nor a proxy. It takes CONNECT to
 * that one place and nothing else. Source: tailscale `ipn/localapi/localapi.go` serveDial, `tailscale nc`.
 */
export async function startOwnRelay(
  to: { readonly host: string; readonly port: number },
  { socket, signal }: { readonly socket: string; readonly signal: AbortSignal },
): Promise<OwnRelay> {
  const authority = `${to.host}:${to.port}`;
  const listener = await startListener({ port: 0 }, (client) => {
    readHead(client, async ({ head, rest }) => {
      if (!head.startsWith(`CONNECT ${authority} `)) return void client.end(refusal("403 Forbidden", "another place"));
      const answer = await dialByDaemon(to, { socket, signal });
      if (typeof answer === "string") return void client.end(refusal("502 Bad Gateway", answer));
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      if (answer.head.length > 0) client.write(answer.head);
      if (rest.length > 0) answer.stream.write(rest);
      // What breaks on one side ends the other, and who waits there is told by that.
      pipeline(client, answer.stream, () => {});
      pipeline(answer.stream, client, () => {});
    });
  });
  return { host: "127.0.0.1", port: listener.port, close: () => listener.close() };
}

/** Returns the stream, or why there is none. */
async function dialByDaemon(
  { host, port }: { readonly host: string; readonly port: number },
  { socket, signal }: { readonly socket: string; readonly signal: AbortSignal },
) {
  try {
    const answer = await requestUpgrade({
      dial: () => dialLocal(socket, { timeoutMs: dialTimeoutMs, signal }),
      tls: undefined,
      method: "POST",
      path: "/localapi/v0/dial",
      headers: [
        ["Host", "local-tailscaled.sock"],
        ["Connection", "upgrade"],
        ["Upgrade", "ts-dial"],
        ["Dial-Host", host],
        ["Dial-Port", String(port)],
        ["Dial-Network", "tcp"],
      ],
      timeoutMs: dialTimeoutMs,
      signal,
    });
    return answer.socket === undefined
      ? `tailscaled answers ${answer.status}`
      : { stream: answer.socket, head: answer.head };
  } catch (error) {
    return messageOf(error);
  }
}

function readHead(client: Socket, onHead: (read: { head: string; rest: Buffer }) => Promise<void>): void {
  let bytes = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf("\r\n\r\n");
    if (end === -1 && bytes.length > maxHeadBytes) return void client.destroy();
    if (end === -1) return;
    client.off("data", onData);
    client.pause();
    void onHead({ head: bytes.toString("latin1", 0, end), rest: bytes.subarray(end + 4) });
  };
  client.on("data", onData);
}

function refusal(status: string, reason: string): string {
  return `HTTP/1.1 ${status}\r\nTailscale-Connect-Error: ${reason.replaceAll(/[^\x20-\x7e]/g, " ")}\r\nContent-Length: 0\r\n\r\n`;
}
