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
 * the same address is given twice (tailscale `cmd/tailscaled/proxy.go`). `--port=0` overrides a `PORT` of ours or of a
 * file in /etc.
 */
export function daemonArguments({ socket, stateDir, proxy, noLogs }: DaemonSettings): string[] {
  const address = listenText(proxy);
  return [
    "--tun=userspace-networking",
    `--socket=${socket}`,
    `--statedir=${stateDir}`,
    "--port=0",
    `--socks5-server=${address}`,
    `--outbound-http-proxy-listen=${address}`,
    ...(noLogs ? ["--no-logs-no-support"] : []),
  ];
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
