import { afterAll, beforeAll, expect, test } from "vitest";
import { type ExposeMachine, type ExposeScene, stands, startExposeScene } from "./expose-scene.ts";
import { sightOf } from "./gateway-process.ts";
import { processesNaming } from "./tsmcp.ts";

let scene: ExposeScene;

beforeAll(async () => {
  scene = await startExposeScene();
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

const again = "it stands again: tailscaled was restarted";

const seen = ({ node }: ExposeMachine, side: "tailnet" | "public") =>
  side === "tailnet"
    ? sightOf(scene.tailnet, { url: `https://${node.dnsName}:8443/mcp`, from: scene.agent })
    : sightOf(scene.tailnet, { url: `https://${node.dnsName}/mcp` });

test("after each restart of tailscaled it stands again, proven anew, and Ctrl-C leaves nothing", async () => {
  const machine = await scene.machine();
  const running = machine.start([machine.url]);
  await running.says(stands);
  for (const end of ["kill", "stop"] as const) {
    const before = running.said().split(again).length;
    await machine.node[end]();
    await machine.node.restart();
    await expect.poll(() => running.said().split(again).length, { timeout: 60_000 }).toBe(before + 1);
    const last = running.said().slice(running.said().lastIndexOf("waiting until it is back"));
    expect(last).toContain("proof: pass (the tailnet's side answers, the internet sees no tool");
    const tools = async () => (await seen(machine, "tailnet").catch(() => ({ tools: [] }))).tools;
    await expect.poll(tools).toEqual(scene.upstream.tools);
    expect((await seen(machine, "public")).tools).toEqual([]);
  }
  const { exitCode, stdout } = await running.end();
  expect({ exitCode, told: stdout.split(stands).length - 1 }).toEqual({ exitCode: 0, told: 1 });
  expect(await machine.serves()).toEqual({});
  expect(processesNaming(machine.home)).toEqual([]);
});

test("a tailscaled that ends once more while its views are set and proven does not end it", async () => {
  const machine = await scene.machine();
  const running = machine.start([machine.url]);
  await running.says(stands);
  const proofs = () => running.said().split("proof: the doctor looks").length;
  const before = proofs();
  await machine.node.kill();
  await machine.node.restart();
  await expect.poll(proofs, { timeout: 60_000 }).toBe(before + 1);
  await machine.node.kill();
  const ends = running.said().length;
  await machine.node.restart();
  await expect.poll(() => running.said().slice(ends), { timeout: 60_000 }).toContain(again);
  const tools = async () => (await seen(machine, "tailnet").catch(() => ({ tools: [] }))).tools;
  await expect.poll(tools, { timeout: 60_000 }).toEqual(scene.upstream.tools);
  expect((await running.end()).exitCode).toBe(0);
  expect(await machine.serves()).toEqual({});
});

test("Ctrl-C while tailscaled is away ends it, and nothing is served when that is back", async () => {
  const machine = await scene.machine();
  const running = machine.start([machine.url]);
  await running.says(stands);
  await machine.node.kill();
  await running.says("waiting until it is back");
  expect((await running.end()).exitCode).toBe(0);
  await machine.node.restart();
  expect(await machine.serves()).toEqual({});
  expect(await machine.run(["--off"])).toMatchObject({ exitCode: 0 });
});

test("a tailscaled that does not come back within --wait ends it", async () => {
  const machine = await scene.machine();
  const running = machine.start([machine.url, "--no-funnel", "--wait", "4s"]);
  await running.says(stands);
  await machine.node.kill();
  const { exitCode, stderr } = await running.outcome;
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: expect.stringMatching(/error: tailscaled at \S+ is not back within 4s: it does not answer/),
  });
  await machine.node.restart();
  expect(await machine.serves()).toEqual({});
});

test("what the tailnet has forbidden meanwhile is not set again", async () => {
  const machine = await scene.machine();
  const running = machine.start([machine.url]);
  await running.says(stands);
  await machine.node.kill();
  await scene.tailnet.api.setCapabilities(machine.node.dnsName, { https: true, funnel: false, funnelPorts: "" });
  await machine.node.restart();
  const { exitCode, stderr } = await running.outcome;
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: expect.stringContaining("the tailnet's policy does not let this node use Funnel"),
  });
  expect(await machine.serves()).toEqual({});
});

test("what somebody has put on the internet meanwhile is found, and Funnel stays off", async () => {
  const machine = await scene.machine();
  const running = machine.start([machine.url]);
  await running.says(stands);
  await machine.node.funnel({ port: 10_000, target: `http://127.0.0.1:${scene.upstream.port}` });
  await machine.node.kill();
  await machine.node.restart();
  const { exitCode, stderr } = await running.outcome;
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: expect.stringContaining("the proof failed once tailscaled had been restarted: separation.ports: "),
  });
  expect(Object.keys((await machine.serves()) as object)).toContain("TCP");
  expect(JSON.stringify(await machine.serves())).not.toContain(":443");
});
