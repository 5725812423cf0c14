import type { IncomingMessage } from "node:http";
import type { Backend } from "../../net/backend.ts";
import { type Socket, splice } from "../../net/tcp-server.ts";
import { responseHeaders } from "./forward.ts";

/** Hands an `Upgrade` on; a backend that takes it gets the raw connection, one that does not just answers. */
export function forwardUpgrade(
  client: { readonly socket: Socket; readonly head: Buffer },
  forwarded: {
    readonly backend: Backend;
    readonly method: string;
    readonly target: string;
    readonly headers: readonly (readonly [name: string, value: string])[];
  },
): void {
  const { socket, head } = client;
  const { backend, ...request } = forwarded;
  const outgoing = backend.open(request);
  socket.once("close", () => outgoing.destroy());
  outgoing.once("error", () =>
    socket.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
  );
  outgoing.once("upgrade", (response, backendSocket, backendHead) => {
    const kept = [...responseHeaders(response, false), ["Connection", ["Upgrade"]] as const];
    const upgrade = response.headers.upgrade;
    socket.write(headOf(response, upgrade === undefined ? kept : [...kept, ["Upgrade", [upgrade]] as const]));
    if (backendHead.length > 0) socket.write(backendHead);
    if (head.length > 0) backendSocket.write(head);
    splice(socket, backendSocket);
  });
  outgoing.once("response", (response) => {
    socket.write(headOf(response, responseHeaders(response, false)));
    response.pipe(socket);
  });
  outgoing.end();
}

function headOf(
  response: IncomingMessage,
  headers: Iterable<readonly [name: string, values: readonly string[]]>,
): string {
  const lines = [...headers].flatMap(([name, values]) => values.map((value) => `${name}: ${value}\r\n`));
  return `HTTP/1.1 ${response.statusCode} ${response.statusMessage}\r\n${lines.join("")}\r\n`;
}
