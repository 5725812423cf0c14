import { createServer, request } from "node:http";

/** A unix socket before tailscaled's own, which changes what it answers. */
export interface LocalApiRelay extends AsyncDisposable {
  readonly socket: string;
}

/** Hands every question on to the daemon behind `to`, and its answer back as `change` makes it. */
export async function startLocalApiRelay(options: {
  readonly socket: string;
  readonly to: string;
  readonly change: (body: string) => string;
}): Promise<LocalApiRelay> {
  const { socket, to, change } = options;
  const server = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const asked = request({ socketPath: to, method, path: url, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        outgoing.statusCode = answer.statusCode ?? 502;
        outgoing.end(change(Buffer.concat(chunks).toString()));
      });
    });
    asked.on("error", () => outgoing.destroy());
    incoming.pipe(asked);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(socket, resolve));
  return {
    socket,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
