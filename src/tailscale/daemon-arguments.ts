/** An address that a program listens on. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface DaemonSettings {
  readonly socket: string;
  readonly stateDir: string;
  readonly proxy: ListenAddress;
  readonly noLogs: boolean;
}

/**
 * Returns tailscaled's arguments for a machine without a TUN device: one port speaks SOCKS5 and HTTP CONNECT, because
 * the same address is given twice (tailscale `cmd/tailscaled/proxy.go`). `--port` overrides a `PORT` of ours or of a
 * file in /etc.
 */
export function daemonArguments({ socket, stateDir, proxy, noLogs }: DaemonSettings): string[] {
  const address = listenText(proxy);
  return [
    "--tun=userspace-networking",
    `--socket=${socket}`,
    `--statedir=${stateDir}`,
    `--port=${wireGuardPort(stateDir)}`,
    `--socks5-server=${address}`,
    `--outbound-http-proxy-listen=${address}`,
    ...(noLogs ? ["--no-logs-no-support"] : []),
  ];
}

/**
 * Returns WireGuard's port for the node of this state: the same after every start, and none that the kernel gives away
 * by itself. Peers trust the address of a node for 6.5 s and send nowhere else in that time, and WireGuard tries again
 * every 5 s: behind a new port the first call after a restart takes 5 to 10 s (measured, 1.102.5). tailscaled takes
 * another one where it is in use (`magicsock` bindSocket).
 */
export function wireGuardPort(stateDir: string): number {
  const [first, last] = [61_000, 65_535];
  // FNV-1a: nothing to load, and any spread will do.
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(stateDir)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return first + (hash % (last - first + 1));
}

/**
 * Returns true when these are the arguments of a daemon (not of a client) on `socket` with its state in one of
 * `stateDirs` ("any": wherever), also behind an interpreter. The socket alone could be that of somebody else's daemon.
 */
export function isDaemonOn(
  { socket, stateDirs }: { readonly socket: string; readonly stateDirs: readonly string[] | "any" },
  argv: readonly string[],
): boolean {
  if (!argv.includes(`--socket=${socket}`)) return false;
  if (stateDirs === "any") return argv.some((argument) => argument.startsWith("--statedir="));
  return stateDirs.some((stateDir) => argv.includes(`--statedir=${stateDir}`));
}

/** Returns true when these are the arguments of a `tailscale up` on `socket`. */
export function isLoginOn(socket: string, argv: readonly string[]): boolean {
  return argv.includes(`--socket=${socket}`) && argv.includes("up");
}

/** Returns the address as programs take it: `127.0.0.1:1055`, `[::1]:1055`. */
export function listenText({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
