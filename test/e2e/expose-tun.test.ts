import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type ExposeMachine, type ExposeScene, stands, startExposeScene } from "./expose-scene.ts";
import { type Sight, sightOf } from "./gateway-process.ts";
import { processesNaming } from "./tsmcp.ts";
import { startTunNetwork, type TunNetwork, whyNoTun } from "./tun-network.ts";

const noTun = whyNoTun();

const nothing: Sight = { server: "tsmcp-public", session: undefined, tools: [] };

describe.skipIf(noTun !== undefined)(`a node with a TUN${noTun === undefined ? "" : ` (not here: ${noTun})`}`, () => {
  let scene: ExposeScene;
  let network: TunNetwork;
  let machine: ExposeMachine;

  beforeAll(async () => {
    scene = await startExposeScene();
    network = await startTunNetwork(scene.tailnet, await portsNeeded(scene));
    machine = await scene.machine({ within: network.within, args: ["--tun=tsmcp0"] });
  });

  afterAll(async () => {
    await machine?.node.kill();
    await network?.[Symbol.asyncDispose]();
    await scene?.[Symbol.asyncDispose]();
  });

  const seenByAgent = (path = "/mcp"): Promise<Sight> =>
    sightOf(scene.tailnet, { url: `https://${machine.node.dnsName}:8443${path}`, from: scene.agent });
  const seenByInternet = (): Promise<Sight> => sightOf(scene.tailnet, { url: `https://${machine.node.dnsName}/mcp` });

  test("gets two proven views without a proxy, shows its own programs nothing, and Ctrl-C leaves nothing", async () => {
    const { node } = machine;
    expect(await node.status()).toMatchObject({ TUN: true });
    const running = machine.start([machine.url]);
    await running.says(stands);
    await running.says("gateway: done (unix sockets: only this user and root can open them)");
    await running.says("proof: pass (the tailnet's side answers, the internet sees no tool");
    expect((await seenByAgent()).tools).toEqual(scene.upstream.tools);
    expect(await seenByInternet()).toEqual(nothing);
    // The kernel hands these to tailscaled itself: the source is whatever address of the machine a program takes.
    for (const source of [node.ip, network.lanIp, "127.0.0.1"]) {
      for (const headers of [[], ["X-Forwarded-For: 100.64.0.2"], ["Tailscale-User-Login: alice@example.com"]]) {
        const url = `https://${node.dnsName}:8443/mcp`;
        const own = await sightOf(scene.tailnet, { url, within: network.within, source, headers });
        expect({ source, headers, ...own }).toEqual({ source, headers, ...nothing });
      }
    }
    expect((await running.end()).exitCode).toBe(0);
    expect(await machine.serves()).toEqual({});
    expect(processesNaming(machine.home)).toEqual([]);
  });

  test("withdraws Funnel when the proof finds a flaw, also in the background", async () => {
    await machine.node.funnel({ port: 10_000, target: `http://127.0.0.1:${scene.upstream.port}` });
    const before = await machine.serves();
    onTestFinished(async () => void (await machine.node.tailscale(["serve", "reset"])));
    for (const args of [[], ["--bg"]]) {
      const { exitCode, stderr } = await machine.run([machine.url, ...args]);
      expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining("the proof failed") });
      expect(await machine.serves()).toEqual(before);
    }
  });

  test("has a server of another node for an upstream, straight through the TUN, and stands in the background", async () => {
    const { agent } = scene;
    await agent.serve({ port: 9443, target: `http://127.0.0.1:${scene.upstream.port}` });
    const config = join(machine.home, "tsmcp.config.json");
    const upstreams = { far: { url: `https://${agent.dnsName}:9443/mcp` }, who: { builtin: "whoami" } };
    writeFileSync(config, JSON.stringify({ gateway: { upstreams } }), { mode: 0o600 });
    const begun = await machine.run(["--config", config, "--bg"]);
    expect({ exitCode: begun.exitCode, stderr: begun.stderr }).toEqual({
      exitCode: 0,
      stderr: expect.stringContaining("proof: pass"),
    });
    expect((await seenByAgent("/mcp/far")).tools).toEqual(scene.upstream.tools);
    expect((await seenByAgent("/mcp/who")).tools).toEqual(["greet"]);
    expect((await machine.run(["--off"])).exitCode).toBe(0);
    expect(await machine.serves()).toEqual({});
  });
});

/** Of the tailnet's own servers, the internet's and the upstream's. */
async function portsNeeded({ tailnet, agent, upstream }: ExposeScene): Promise<number[]> {
  const { stdout } = await agent.tailscale(["debug", "derp-map"]);
  const [relay] = [...stdout.matchAll(/"DERPPort": (\d+)/g)].map(([, port]) => Number(port));
  const internet = tailnet.connectTo("any").map((rule) => Number(rule.split(":").at(-1)));
  return [Number(new URL(tailnet.controlUrl).port), relay ?? 0, ...internet, upstream.port];
}
