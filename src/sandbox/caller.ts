import { type Listener, type Socket, startListener } from "../net/tcp-server.ts";
import { relay } from "./delay.ts";
import type { Faults } from "./faults.ts";
import type { Front } from "./front/front.ts";
import type { Origin } from "./front/marks.ts";
import { funnelPorts } from "./front/serve-config.ts";
import type { SandboxCaller } from "./options.ts";
import { destinationOf, publicDestinationOf } from "./proxy/destination.ts";
import { type CallerProxy, startProxy } from "./proxy/proxy.ts";
import { type CallerName, servedOn, type Tailnet } from "./tailnet.ts";

export interface StartedCaller {
  readonly caller: SandboxCaller;
  /** Of a node; the internet has none. */
  readonly proxy: CallerProxy | undefined;
  close(): Promise<void>;
}

/** Opens a caller's ways to the server: a port of this machine for each of its ports, and for a node a proxy. */
export async function startCaller(request: {
  readonly name: CallerName;
  readonly tailnet: Tailnet;
  readonly front: Front;
  readonly faults: Faults;
  readonly caFile: string;
}): Promise<StartedCaller> {
  const { name, tailnet, front, faults, caFile } = request;
  const node = name === "internet" ? undefined : tailnet.callers[name];
  const nextAddress = addresses();
  /** Whether it is nobody's: a port that is not served, or not to the internet. */
  const isClosed = (port: number): boolean => {
    const served = servedOn(tailnet, port);
    return served === undefined || (node === undefined && !served.funnel);
  };
  const accept = (socket: Socket, port: number): void => {
    // Funnel's relay accepts, and learns with the first bytes that the node does not want them.
    if (isClosed(port)) return void socket.once("data", () => socket.resetAndDestroy());
    const origin: Origin =
      node === undefined ? { kind: "funnel", address: nextAddress() } : { kind: "serve", address: node.address, node };
    front.accept(socket, { port, origin });
  };
  const direct = await Promise.all(
    funnelPorts.map(async (port): Promise<readonly [number, Listener]> => {
      return [port, await startListener({ port: 0 }, (socket) => accept(socket, port))];
    }),
  );
  const proxy = await startProxy(
    { port: 0 },
    node === undefined
      ? {
          address: () => "127.0.0.1",
          destination: (authority) => publicDestinationOf(authority, tailnet),
          accept,
        }
      : {
          address: () => node.address,
          destination: (authority) => destinationOf(authority, { tailnet, standing: "running" }),
          accept(socket, port) {
            if (faults.relayDelayMs > 0) void relay(socket, faults.relayDelayMs, (late) => accept(late, port));
            else accept(socket, port);
          },
        },
  );
  const connectTo = direct.map(([port, listener]) => `${tailnet.server.dnsName}:${port}:127.0.0.1:${listener.port}`);
  const tunnel = `http://127.0.0.1:${proxy.port}`;
  const url = node && tunnel;
  const way = url === undefined ? connectTo.flatMap((rule) => ["--connect-to", rule]) : ["--proxy", url];
  return {
    caller: {
      name,
      address: node?.address,
      login: node === undefined || node.tags.length > 0 ? undefined : node.user.login,
      proxy: url,
      tunnel,
      connectTo,
      curl: (target) => ["--cacert", caFile, ...way, target],
    },
    proxy: node && proxy,
    async close() {
      await Promise.all([...direct.map(([, listener]) => listener.close()), proxy.close()]);
    },
  };
}

/** Every connection from the internet is somebody else's (198.18.0.0/15, RFC 2544: addresses that nobody has). */
function addresses(): () => string {
  let last = 0;
  return () => {
    last = (last + 1) % (1 << 16);
    return `198.18.${last >> 8}.${last & 255}`;
  };
}
