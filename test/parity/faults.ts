import { exchange } from "./proxies.ts";
import type { ParityMachine, ParityWorld } from "./world.ts";

/** Something goes wrong in a world; what it looks like from every side is compared. */
export interface FaultCase {
  readonly title: string;
  readonly look: (world: ParityWorld, machine: ParityMachine) => Promise<unknown>;
}

export const faultCases: readonly FaultCase[] = [
  {
    title: "an administrator has to approve the node",
    async look(world, machine) {
      await world.requireApproval(true);
      const waiting = [await machine.upInVain("waiting"), await machine.tsmcp("status"), await machine.doctor()];
      await world.approve(machine.hostname);
      await world.requireApproval(false);
      await machine.until("Running");
      return [...waiting, await machine.up("waiting"), await machine.tsmcp("down")];
    },
  },
  {
    title: "the node's key has expired",
    async look(world, machine) {
      const up = await machine.up();
      await world.expire(machine.hostname);
      await machine.until("NeedsLogin");
      const name = await exchange(await machine.proxyPort(), connectTo("nowhere.invalid:443"));
      const seen = [up, world.normalised(name), await machine.tsmcp("status"), await machine.doctor()];
      return [...seen, await machine.up(), await machine.tsmcp("down")];
    },
  },
  {
    title: "the coordination server does not answer",
    async look(world, machine) {
      await world.controlDown(true);
      const without = [await machine.upInVain("good"), await machine.tsmcp("status"), await machine.doctor()];
      await world.controlDown(false);
      const up = await machine.up();
      await world.controlDown(true);
      const within = [await machine.tsmcp("status"), await machine.tsmcp("tools", "--server", mcpUrl(world))];
      const down = await machine.tsmcp("down");
      await world.controlDown(false);
      return [...without, up, ...within, down];
    },
  },
  {
    title: "tailscaled and its proxy are dead",
    async look(world, machine) {
      const up = await machine.up();
      await machine.killDaemon();
      const dead = [await machine.tsmcp("status"), await machine.doctor()];
      const tools = await machine.tsmcp("tools", "--server", mcpUrl(world));
      const again = JSON.stringify(await machine.up());
      // Whoever looks a moment later finds it logged in again by itself.
      return [
        up,
        ...dead,
        tools,
        again.replace("login: done", "login: kept"),
        await machine.tsmcp("status"),
        await machine.tsmcp("down"),
      ];
    },
  },
  {
    title: "the key is refused",
    async look(world, machine) {
      await world.refuseKeys();
      return [await machine.up(), await machine.tsmcp("status"), await machine.doctor(), await machine.tsmcp("down")];
    },
  },
  {
    title: "the relay is slow",
    async look(world) {
      const before = await askAgain(world);
      await world.slowRelay(relayDelayMs);
      const slow = await askAgain(world);
      await world.slowRelay(0);
      // There and back: a lower bound, true on any machine.
      return [before.answer, slow.answer, slow.tookMs >= 2 * relayDelayMs];
    },
  },
  {
    title: "the server's certificate has expired",
    async look(world) {
      await world.expireCertificate();
      const [tailnet, internet] = [`https://${world.host}:8443/`, `https://${world.host}/`];
      return [await world.curl("user", [tailnet]), await world.curl("internet", [internet])];
    },
  },
  {
    title: "a caller's proxy is dead",
    async look(world) {
      await world.killCaller("stranger");
      const { exitCode, stdout, stderr } = await world.curl("stranger", [`https://${world.host}:8443/`]);
      return { exitCode, stdout, stderr: stderr.replaceAll(/\b\d+ ms\b/g, "N ms").replaceAll(/\bport \d+/g, "port N") };
    },
  },
];

const relayDelayMs = 100;

async function askAgain(world: ParityWorld): Promise<{ readonly answer: unknown; readonly tookMs: number }> {
  const url = `https://${world.host}:8443/`;
  const { exitCode, stdout } = await world.curl("user", ["-o", "/dev/null", "-w", "%{time_total} %{http_code}", url]);
  const [seconds, status] = (stdout.split("\n").at(-1) ?? "").split(" ");
  return { answer: { exitCode, status }, tookMs: Number(seconds) * 1_000 };
}

function mcpUrl({ host }: ParityWorld): string {
  return `https://${host}:8443/mcp`;
}

function connectTo(authority: string): Buffer {
  return Buffer.from(`CONNECT ${authority} HTTP/1.1\r\nHost: x\r\n\r\n`);
}
