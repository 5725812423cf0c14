import { dial } from "../net/dial.ts";
import { type Listener, type Socket, startListener } from "../net/tcp-server.ts";
import { splicedLate } from "./delay.ts";
import type { Faults } from "./faults.ts";
import type { Front } from "./front/front.ts";
import type { Origin } from "./front/marks.ts";
import type { SandboxCaller } from "./options.ts";
import { destinationOf } from "./proxy/destination.ts";
import { startProxy } from "./proxy/proxy.ts";
import type { CallerName, Tailnet } from "./tailnet.ts";

/** The ports that somebody without a proxy can reach, each by a port of this machine. */
const directPorts = { tailnet: [443, 8443, 10000], internet: [443, 8443, 10000] } as const;

const hopLimitMs = 5_000;

/** Opens a caller's ways to the server: a port of this machine for each of its ports, and for a node a proxy. */
export async function startCaller(request: {
  readonly name: CallerName;
  readonly tailnet: Tailnet;
  readonly front: Front;
  readonly faults: Faults;
  readonly caFile: string;
}): Promise<{ readonly caller: SandboxCaller; close(): Promise<void> }> {
  const { name, tailnet, front, faults, caFile } = request;
  const node = name === "internet" ? undefined : tailnet.callers[name];
  const ports = directPorts[node === undefined ? "internet" : "tailnet"];
  const nextAddress = addresses();
  const direct = await Promise.all(
    ports.map(async (port): Promise<readonly [number, Listener]> => {
      const listener = await startListener({ port: 0 }, (socket) => {
        const served = tailnet.serve.get(port);
        const isOpen = served !== undefined && (node !== undefined || served.funnel);
        // Funnel's relay accepts, and learns with the first bytes that the node does not want them.
        if (!isOpen) return void socket.once("data", () => socket.resetAndDestroy());
        const origin: Origin =
          node === undefined
            ? { kind: "funnel", address: nextAddress() }
            : { kind: "serve", address: node.address, node };
        front.accept(socket, { port, origin });
      });
      return [port, listener];
    }),
  );
  const directPortOf = new Map(direct.map(([port, listener]) => [port, listener.port]));
  const proxy =
    node === undefined
      ? undefined
      : await startProxy(
          { port: 0 },
          {
            address: () => node.address,
            destination: (authority) => destinationOf(authority, { tailnet, standing: "running" }),
            accept(socket, port) {
              const late = faults.relayDelayMs > 0 ? directPortOf.get(port) : undefined;
              if (late === undefined)
                front.accept(socket, { port, origin: { kind: "serve", address: node.address, node } });
              else void acceptLate(socket, late, faults.relayDelayMs);
            },
            isDead: () => faults.proxy === "dead",
          },
        );
  const connectTo = direct.map(([port, listener]) => `${tailnet.server.dnsName}:${port}:127.0.0.1:${listener.port}`);
  const url = proxy && `http://127.0.0.1:${proxy.port}`;
  const way = url === undefined ? connectTo.flatMap((rule) => ["--connect-to", rule]) : ["--proxy", url];
  return {
    caller: {
      name,
      address: node?.address,
      proxy: url,
      connectTo,
      curl: (target) => ["--cacert", caFile, ...way, target],
    },
    async close() {
      await Promise.all([...direct.map(([, listener]) => listener.close()), proxy?.close()]);
    },
  };
}

async function acceptLate(socket: Socket, port: number, delayMs: number): Promise<void> {
  try {
    const hop = await dial({ host: "127.0.0.1", port }, undefined, { timeoutMs: hopLimitMs });
    splicedLate(socket, hop, delayMs);
  } catch {
    socket.destroy();
  }
}

/** Every connection from the internet is somebody else's (198.18.0.0/15, RFC 2544: addresses that nobody has). */
function addresses(): () => string {
  let last = 0;
  return () => {
    last = (last + 1) % (1 << 16);
    return `198.18.${last >> 8}.${last & 255}`;
  };
}
