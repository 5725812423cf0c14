import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ExposeMachine, type ExposeScene, stands, startExposeScene } from "./expose-scene.ts";
import { sightOf } from "./gateway-process.ts";

let scene: ExposeScene;

beforeAll(async () => {
  scene = await startExposeScene();
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

describe("when the internet sees something", () => {
  /** The server itself, past the gateway, at a port of Funnel that is neither of ours. */
  async function planted(): Promise<ExposeMachine> {
    const machine = await scene.machine();
    await machine.node.funnel({ port: 10_000, target: `http://127.0.0.1:${scene.upstream.port}` });
    return machine;
  }

  test("Funnel is switched off again before exit 1, and what is others' stays", async () => {
    const machine = await planted();
    const before = await machine.serves();
    const { exitCode, stdout, stderr } = await machine.run([machine.url]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("tsmcp: error: the proof failed: separation.ports: ");
    expect(stdout).toContain("FAIL separation.ports: the whole internet sees");
    expect(stdout).toContain("everything was taken away again, Funnel first");
    expect(await machine.serves()).toEqual(before);
  });

  test("so it is in the background", async () => {
    const machine = await planted();
    const before = await machine.serves();
    expect((await machine.run([machine.url, "--bg"])).exitCode).toBe(1);
    expect(await machine.serves()).toEqual(before);
  });
});

test("what cannot be found out leaves the exposure and says so, with exit 3 at its end", async () => {
  const machine = await scene.machine();
  // Nobody answers there, and no public resolver is asked.
  const nobody = { TSMCP_CONNECT_TO: "", TSMCP_PUBLIC_DNS: scene.tailnet.dns };
  await scene.tailnet.api.setPublicDnsMode("servfail");
  try {
    const running = machine.start([machine.url, "--wait", "1s"], nobody);
    await running.says(stands);
    await running.says("it stands, but could not be proven");
    const sight = await sightOf(scene.tailnet, { url: `https://${machine.node.dnsName}:8443/mcp`, from: scene.agent });
    expect(sight.tools).toEqual(scene.upstream.tools);
    expect((await running.end()).exitCode).toBe(3);
    expect(await machine.serves()).toEqual({});
  } finally {
    await scene.tailnet.api.setPublicDnsMode("ok");
  }
});

test("a node without a TUN and without a proxy is proven through tailscaled's own socket", async () => {
  const machine = await scene.machine();
  const running = machine.start([machine.url, "--no-funnel"], { TSMCP_PROXY: "none" });
  await running.says(stands);
  await running.says("proof: pass (the tailnet's side answers, the internet has no view)");
  expect((await running.end()).exitCode).toBe(0);
});
