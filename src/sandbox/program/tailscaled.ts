import { linkSync, renameSync, rmSync } from "node:fs";
import { messageOf, systemCodeOf } from "../../core/errors.ts";
import type { Socket } from "../../net/tcp-server.ts";
import { createDaemon, type Daemon, logOut } from "../daemon/daemon.ts";
import { keepState, resumeState } from "../daemon/kept-state.ts";
import { startLocalApi } from "../daemon/local-api.ts";
import { destinationOf } from "../proxy/destination.ts";
import { type ProxyNode, startProxy } from "../proxy/proxy.ts";
import type { TailnetNode } from "../tailnet.ts";
import { parseFlags, unimitated } from "./flags.ts";
import { type Call, notImitated, type ProgramWorld, told, untilAborted } from "./program.ts";

/** Hands a node's connection to a served port on. */
export type AcceptServed = (socket: Socket, arrival: { readonly port: number; readonly node: TailnetNode }) => void;

/** Runs `tailscaled` until the caller is gone, and returns its exit code. Source: tailscale `cmd/tailscaled/tailscaled.go`. */
export async function runTailscaled(call: Call, world: ProgramWorld, accept: AcceptServed): Promise<number> {
  const parsed = parseFlags(call.argv, {
    tun: "text",
    socket: "text",
    statedir: "text",
    state: "text",
    port: "text",
    "socks5-server": "text",
    "outbound-http-proxy-listen": "text",
    "no-logs-no-support": "switch",
    verbose: "text",
    ...unimitated("bird-socket", "cleanup", "config", "debug", "encrypt-state", "hardware-attestation"),
    ...unimitated("syslog", "syspolicy-file", "version"),
  });
  if (parsed.kind === "unimitated") return notImitated(call, `tailscaled --${parsed.name}`);
  if (parsed.kind === "invalid") {
    call.writeError(`${parsed.message}\n`);
    return 2;
  }
  const { flags } = parsed;
  if (flags.get("tun") !== "userspace-networking")
    return fatal(call, "the sandbox imitates --tun=userspace-networking alone");
  const socks = flags.get("socks5-server") ?? "";
  const http = flags.get("outbound-http-proxy-listen") ?? "";
  if (socks !== http) return fatal(call, "the sandbox imitates both proxies on one address alone");
  const socket = flags.get("socket") ?? world.defaultSocket;
  const { tailnet, faults, keys } = world;
  const daemon = createDaemon(socket, { tailnet, faults, keys });
  const port = socks === "" ? undefined : Number(socks.slice(socks.lastIndexOf(":") + 1));
  const opened: { close(): Promise<void> }[] = [];
  try {
    // As the real one does: the proxy listens before anybody has logged in.
    if (port !== undefined) opened.push(await startProxy({ port }, proxyNode(daemon, world, accept)));
  } catch (error) {
    const why = systemCodeOf(error) === "EADDRINUSE" ? "address already in use" : messageOf(error);
    return fatal(call, `proxy listener: listen tcp ${socks}: bind: ${why}`);
  }
  const stateDir = flags.get("statedir");
  const isEphemeral = flags.get("state") === "mem:";
  try {
    const api = await startLocalApi(daemon);
    opened.push({ close: () => api.close(0) });
    world.daemons.set(socket, daemon);
    if (stateDir !== undefined && !isEphemeral) {
      resumeState(daemon, stateDir);
      keepState(daemon, stateDir);
    }
    world.killers.set(daemon, call.kill);
    call.takes(["SIGINT", "SIGTERM"]);
    await untilAborted(call.signal);
    return 0;
  } catch (error) {
    return fatal(call, `safesocket.Listen: ${messageOf(error)}`);
  } finally {
    world.daemons.delete(socket);
    world.killers.delete(daemon);
    const isTold = call.signal.reason === told;
    // A node whose state is in memory is ephemeral, and leaves when it can; others stay, and are away.
    if (isEphemeral && isTold) logOut(daemon);
    else if (daemon.node !== undefined) tailnet.away.add(daemon.node.id);
    if (isTold) {
      await closeAll(opened);
      rmSync(socket, { force: true });
    } else await leavingSocket(socket, () => closeAll(opened));
  }
}

async function closeAll(opened: readonly { close(): Promise<void> }[]): Promise<void> {
  await Promise.all(opened.map((part) => part.close()));
}

/** One that was killed leaves its socket's file behind; closing would remove it. */
async function leavingSocket(socket: string, close: () => Promise<void>): Promise<void> {
  const aside = `${socket}.left`;
  try {
    linkSync(socket, aside);
    await close();
    renameSync(aside, socket);
  } catch {
    // Its folder is gone, or was never there.
    await close();
  }
}

function proxyNode(daemon: Daemon, { tailnet }: ProgramWorld, accept: AcceptServed): ProxyNode {
  return {
    address: () => daemon.node?.address ?? "127.0.0.1",
    destination(authority) {
      const standing = daemon.node === undefined ? "unknown" : daemon.state === "Running" ? "running" : "known";
      return destinationOf(authority, { tailnet, standing });
    },
    accept(socket, port) {
      if (daemon.node === undefined) socket.destroy();
      else accept(socket, { port, node: daemon.node });
    },
  };
}

/** With a time stamp, as Go's `log` writes it. */
function fatal(call: Call, message: string): number {
  const stamp = new Date().toISOString().replace(/^(\d+)-(\d+)-(\d+)T(.*)\..*$/, "$1/$2/$3 $4");
  call.writeError(`${stamp} ${message}\n`);
  return 1;
}
