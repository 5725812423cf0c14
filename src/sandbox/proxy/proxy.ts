import { dial } from "../../net/dial.ts";
import { readAnswer } from "../../net/handshake.ts";
import { isListening } from "../../net/listening.ts";
import { type Listener, type ListenPlace, type Socket, splice, startListener } from "../../net/tcp-server.ts";
import type { Destination } from "./destination.ts";
import { type Opening, readOpening } from "./opening.ts";

/** What a proxy needs of the node it belongs to. */
export interface ProxyNode {
  /** The node's own address, which a SOCKS answer tells. */
  address(): string;
  destination(authority: string): Destination;
  /** Takes a connection to a served port. */
  accept(socket: Socket, port: number): void;
  /** A dead proxy hangs up. */
  isDead(): boolean;
}

/** tailscaled's own limit for a SOCKS dial. Source: tailscale `net/socks5/socks5.go` handleTCP. */
const dialLimitMs = 5_000;

/** Starts SOCKS5 and HTTP CONNECT on one port, told apart by the first byte, as tailscaled does. */
export function startProxy(place: ListenPlace, node: ProxyNode): Promise<Listener> {
  return startListener(place, (socket) => {
    const ended = new AbortController();
    socket.once("close", () => ended.abort());
    serve(socket, node, ended.signal).catch(() => socket.destroy());
  });
}

async function serve(socket: Socket, node: ProxyNode, signal: AbortSignal): Promise<void> {
  for (;;) {
    const opening = await readOpening(socket, (lengthOf) => readAnswer(socket, signal, lengthOf));
    if (node.isDead()) return void socket.destroy();
    if (opening.kind === "refused") return void socket.end(opening.answer);
    if (opening.kind === "answered") {
      socket.write(opening.answer);
      continue;
    }
    if (opening.kind === "plain") {
      socket.write(opening.answer(await isThere(node.destination(opening.authority))));
      continue;
    }
    const reason = await connect(socket, opening, node);
    if (reason === undefined) return;
    if (!opening.fail(socket, reason)) return;
  }
}

/** Returns why there is no connection, or undefined when the socket has become one. */
async function connect(socket: Socket, opening: Opening, node: ProxyNode): Promise<string | undefined> {
  const destination = node.destination(opening.authority);
  const local = { address: node.address(), port: ephemeralPort() };
  switch (destination.kind) {
    case "failed":
      return destination.reason;
    case "silent":
      return new Promise(() => {});
    case "front":
      opening.succeed(socket, local);
      node.accept(socket, destination.port);
      return undefined;
    case "peer-api":
      opening.succeed(socket, local);
      socket.resume().once("end", () => socket.end());
      return undefined;
    case "loopback":
      return connectLoopback(socket, opening, destination);
  }
}

async function isThere(destination: Destination): Promise<boolean> {
  if (destination.kind !== "loopback") return destination.kind === "front" || destination.kind === "peer-api";
  return isListening({ host: destination.host, port: destination.port });
}

async function connectLoopback(
  socket: Socket,
  opening: Opening,
  { host, port, refusal }: Extract<Destination, { kind: "loopback" }>,
): Promise<string | undefined> {
  let upstream: Socket;
  try {
    upstream = await dial({ host, port }, undefined, { timeoutMs: dialLimitMs });
  } catch {
    return refusal;
  }
  opening.succeed(socket, { address: "127.0.0.1", port: upstream.localPort ?? 0 });
  splice(socket, upstream);
  return undefined;
}

/** The tailnet's own connections have no port of this machine; any will do. */
function ephemeralPort(): number {
  return 32_768 + Math.floor(Math.random() * 28_000);
}
