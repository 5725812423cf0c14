import { setTimeout as delay } from "node:timers/promises";
import { dial } from "../../net/dial.ts";
import { readAnswer } from "../../net/handshake.ts";
import { isListening } from "../../net/listening.ts";
import { type Listener, type Socket, splice, startListener } from "../../net/tcp-server.ts";
import type { Destination } from "./destination.ts";
import { type Opening, readOpening } from "./opening.ts";

/** What a proxy needs of the node it belongs to. */
export interface ProxyNode {
  /** The node's own address, which a SOCKS answer tells. */
  address(): string;
  destination(authority: string): Destination;
  /** Takes a connection to a served port. */
  accept(socket: Socket, port: number): void;
}

/** A proxy that can die, and come back on its port. */
export interface CallerProxy {
  readonly port: number;
  die(): void;
  revive(): void;
  close(): Promise<void>;
}

/** tailscaled's own limit for a SOCKS dial. Source: tailscale `net/socks5/socks5.go` handleTCP. */
const dialLimitMs = 5_000;

/** Starts SOCKS5 and HTTP CONNECT on one port, told apart by the first byte, as tailscaled does. */
export async function startProxy(place: { readonly port: number }, node: ProxyNode): Promise<CallerProxy> {
  const listen = (at: { readonly port: number }): Promise<Listener> =>
    startListener(at, (socket) => {
      const ended = new AbortController();
      socket.once("close", () => ended.abort());
      serve(socket, node, ended.signal).catch(() => socket.destroy());
    });
  const first = await listen(place);
  const { port } = first;
  /** Each change waits for the one before, which is broken off where that takes long. */
  let now: Promise<Listener | undefined> = Promise.resolve(first);
  let change = new AbortController();
  let isOver = false;
  const then = (step: (listener: Listener | undefined, signal: AbortSignal) => Promise<Listener | undefined>): void => {
    change.abort();
    change = new AbortController();
    const { signal } = change;
    now = now.then((listener) => step(listener, signal));
  };
  const die = (): void =>
    then(async (listener) => {
      await listener?.close();
      return undefined;
    });
  return {
    port,
    die,
    revive: () =>
      then(async (listener, signal) => listener ?? (isOver ? undefined : listenAgain(() => listen({ port }), signal))),
    close() {
      isOver = true;
      die();
      return now.then(() => {});
    },
  };
}

/** Somebody else may have the port for a while. */
async function listenAgain(listen: () => Promise<Listener>, signal: AbortSignal): Promise<Listener | undefined> {
  while (!signal.aborted) {
    try {
      return await listen();
    } catch {
      await delay(listenPauseMs, undefined, { signal }).catch(() => {});
    }
  }
  return undefined;
}

const listenPauseMs = 50;

async function serve(socket: Socket, node: ProxyNode, signal: AbortSignal): Promise<void> {
  for (;;) {
    const opening = await readOpening(socket, (lengthOf) => readAnswer(socket, signal, lengthOf));
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
