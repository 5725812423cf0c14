import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { systemCodeOf } from "../core/errors.ts";
import { dial } from "./dial.ts";

/** Below what kernels give away by themselves (Linux from 32768, macOS from 49152), and above what has a fixed user. */
const [firstOwnPort, lastOwnPort] = [20_000, 32_767];
const maxTries = 50;

/**
 * Returns a TCP port of `host` that was free a moment ago, and that no program gets which asks for any port: whoever is
 * told of it may need a while before he listens. Where all that were tried are taken, it is one of the kernel's choice.
 */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  for (let tries = 0; tries < maxTries; tries++) {
    const port = firstOwnPort + Math.floor(Math.random() * (lastOwnPort - firstOwnPort + 1));
    if ((await listenOnce(host, port)) !== "taken") return port;
  }
  const port = await listenOnce(host, 0);
  if (port === "taken") throw new Error("the system gave no port");
  return port;
}

function listenOnce(host: string, port: number): Promise<number | "taken"> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      if (systemCodeOf(error) === "EADDRINUSE") resolve("taken");
      else reject(error);
    });
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : "taken"));
    });
  });
}

/** Returns true when something accepts connections there within `timeoutMs`. */
export async function isListening(
  address: { readonly host: string; readonly port: number },
  timeoutMs = 1_000,
): Promise<boolean> {
  try {
    const socket = await dial(address, undefined, { timeoutMs });
    socket.destroy();
    return true;
  } catch {
    return false;
  }
}

/** The process that listens on a port, or why it cannot be told. */
export type PortOwner = { readonly pid: number; readonly command: string } | { readonly unknown: string };

/**
 * Returns which process listens on the TCP port `port` of this machine, on any address.
 * Source: proc(5) for `net/tcp` (state 0A is LISTEN, field 10 the socket's inode) and for `fd`.
 */
export function ownerOfPort(port: number, procDirectory = "/proc"): PortOwner {
  const inodes = new Set(["tcp", "tcp6"].flatMap((table) => listeningInodes(`${procDirectory}/net/${table}`, port)));
  if (inodes.size === 0) return { unknown: "no listening socket of this network namespace has that port" };
  let unreadable = 0;
  for (const pid of entries(procDirectory) ?? []) {
    if (!/^\d+$/.test(pid)) continue;
    const descriptors = entries(`${procDirectory}/${pid}/fd`);
    if (descriptors === undefined) unreadable += 1;
    else if (descriptors.some((fd) => inodes.has(socketInode(`${procDirectory}/${pid}/fd/${fd}`)))) {
      return { pid: Number(pid), command: commandOf(`${procDirectory}/${pid}`) };
    }
  }
  return { unknown: unreadable > 0 ? "it belongs to another user" : "its process is outside this process namespace" };
}

/** Returns the user id behind the listening socket on `port`, undefined where nobody listens or the system does not tell. */
export function ownerUidOfPort(port: number, procDirectory = "/proc"): number | undefined {
  const [row] = ["tcp", "tcp6"].flatMap((table) => listeningRows(`${procDirectory}/net/${table}`, port));
  return row?.[7] === undefined ? undefined : Number(row[7]);
}

/**
 * Returns the user ids behind the socket that a connection to a loopback address arrives at; none where nobody listens
 * or the system does not tell. A socket of that very address comes before one of every address, as in the kernel.
 */
export function listenerUids(
  { host, port }: { readonly host: string; readonly port: number },
  procDirectory = "/proc",
): readonly number[] {
  const tables = host.includes(":")
    ? [["tcp6", [procAddress(host), "0".repeat(32)]] as const]
    : ([
        ["tcp", [procAddress(host), "0".repeat(8)]],
        ["tcp6", [`${"0".repeat(16)}FFFF0000${procAddress(host)}`, "0".repeat(32)]],
      ] as const);
  for (const [table, addresses] of tables) {
    const rows = listeningRows(`${procDirectory}/net/${table}`, port);
    for (const address of addresses) {
      const uids = rows.filter((fields) => fields[1]?.split(":")[0] === address).map((fields) => Number(fields[7]));
      if (uids.length > 0) return uids;
    }
  }
  return [];
}

/**
 * Returns a loopback address as `net/tcp` and `net/tcp6` have it. The kernel prints addresses as words of the machine's own
 * byte order; every machine that we run on is little-endian.
 */
export function procAddress(host: string): string {
  if (host.includes(":")) return "00000000000000000000000001000000";
  const bytes = host.split(".").map((part) => Number(part).toString(16).toUpperCase().padStart(2, "0"));
  return bytes.toReversed().join("");
}

function listeningInodes(path: string, port: number): string[] {
  return listeningRows(path, port).map((fields) => fields[9] ?? "");
}

function listeningRows(path: string, port: number): string[][] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return (textOf(path) ?? "")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === "0A" && fields[1]?.split(":")[1] === wanted);
}

function socketInode(path: string): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1] ?? "";
  } catch {
    // The descriptor was closed while we looked.
    return "";
  }
}

function commandOf(directory: string): string {
  return textOf(`${directory}/comm`)?.trim() ?? "unknown";
}

function entries(directory: string): string[] | undefined {
  try {
    return readdirSync(directory);
  } catch {
    return undefined;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
