import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tailnet } from "../tailnet/harness/tailnet.ts";

const relay = fileURLToPath(new URL("../fakes/loopback-relay.mjs", import.meta.url));

/** Why no program here can have a TUN, or undefined. */
export function whyNoTun(): string | undefined {
  if (process.getuid?.() !== 0) return "only root can make a network and a TUN";
  if (!existsSync("/dev/net/tun")) return "there is no /dev/net/tun";
  const script = "ip link add v0 type veth peer name v1 && ip tuntap add dev t0 mode tun";
  const { status, stderr } = spawnSync("unshare", ["-n", "-m", "sh", "-c", script], { encoding: "utf8" });
  return status === 0 ? undefined : `no network with a TUN can be made: ${stderr}`;
}

/** A machine as far as the network goes: interfaces, routes and resolv.conf of its own, so that a tailscaled may change them. */
export interface TunNetwork extends AsyncDisposable {
  /** The words that start a program there. */
  readonly within: readonly string[];
  /** Its address in its own, otherwise empty, LAN. */
  readonly lanIp: string;
}

const lanIp = "192.0.2.2";

/** Makes the network; `ports` are those of this machine's loopback that its loopback has too. */
export async function startTunNetwork(tailnet: Tailnet, ports: readonly number[]): Promise<TunNetwork> {
  const dir = tailnet.tempDir();
  const socket = join(dir, "relay");
  const [server, sockets] = await startOuterRelay(socket);
  const child = spawn(
    "unshare",
    ["-n", "-m", "sh", "-ec", setUp(dir), process.execPath, relay, socket, ...ports.map(String)],
    { stdio: ["pipe", "pipe", "inherit"], env: { PATH: process.env.PATH } },
  );
  child.stdin.on("error", () => {}); // it may have been swept
  const ended = once(child, "exit");
  const [said] = await Promise.race([once(child.stdout, "data"), ended]);
  if (String(said) !== "ready\n" || child.pid === undefined) throw new Error(`no network: ${said}`);
  const pid = child.pid;
  return {
    within: ["nsenter", `--net=/proc/${pid}/ns/net`, `--mount=/proc/${pid}/ns/mnt`],
    lanIp,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      for (const one of sockets) one.destroy();
      server.close();
      await ended;
    },
  };
}

/** tailscaled pauses without an interface that is up, and writes resolv.conf by itself where no service of the system is asked to. */
function setUp(dir: string): string {
  const etc = join(dir, "etc");
  return [
    "mount --make-rprivate /",
    `mkdir '${etc}' && mount -t tmpfs none '${etc}'`,
    `for name in passwd group hosts nsswitch.conf resolv.conf ssl; do [ ! -e /etc/$name ] || cp -aL /etc/$name '${etc}/'; done`,
    `mount --bind '${etc}' /etc`,
    "mount -t tmpfs none /run",
    "ip link set lo up",
    "ip link add lan0 type veth peer name lan1",
    `ip addr add ${lanIp}/24 dev lan0`,
    "ip link set lan0 up && ip link set lan1 up",
    "ip route add default via 192.0.2.1",
    'exec "$0" "$@"',
  ].join("\n");
}

async function startOuterRelay(path: string): Promise<[Server, Set<Socket>]> {
  const sockets = new Set<Socket>();
  const server = createServer((inner) => {
    sockets.add(inner);
    inner.once("close", () => sockets.delete(inner)).on("error", () => inner.destroy());
    inner.once("readable", () => {
      const bytes: Buffer = inner.read();
      const end = bytes.indexOf("\n");
      inner.unshift(bytes.subarray(end + 1));
      const outer = connect({ host: "127.0.0.1", port: Number(bytes.toString("latin1", 0, end)) });
      outer.on("error", () => inner.destroy()).once("close", () => inner.destroy());
      inner.once("close", () => outer.destroy());
      inner.pipe(outer).pipe(inner);
    });
  }).listen(path);
  await once(server, "listening");
  return [server, sockets];
}
