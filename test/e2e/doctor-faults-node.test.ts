import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLocalApiRelay } from "../fakes/local-api-relay.ts";
import { diagnose, type Scene, startScene } from "./doctor-scene.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

test("a healthy pair has no finding at all", async () => {
  const { findings, check } = await diagnose(scene);
  expect(findings).toEqual([]);
  expect(check("tailnet.tools")).toMatchObject({ status: "pass", facts: { names: scene.gate.tools } });
});

describe("when one thing is wrong with the node, the doctor names it first:", () => {
  /** tailscaled's usual places are looked at beside PATH. */
  const isInstalled = ["/usr/local/sbin", "/usr/sbin", "/sbin"].some((place) => existsSync(join(place, "tailscaled")));

  test.skipIf(isInstalled)("Tailscale that is not installed", async () => {
    const env = { PATH: "/nonexistent", TSMCP_PROXY: undefined, TSMCP_SOCKET: join(scene.home, "none") };
    const { findings, needs, exitCode } = await diagnose(scene, { env });
    expect({ findings, needs, exitCode }).toEqual({
      findings: ["tailscale.installed fail"],
      needs: ["tailscale.installed"],
      exitCode: 1,
    });
  });

  test("a tailscaled that is too old for what it does", async () => {
    const socket = join(scene.home, "old");
    const change = (body: string): string => body.replace(/"Version": ?"[^"]*"/, '"Version":"1.19.7"');
    await using _relay = await startLocalApiRelay({ socket, to: scene.agent.socket, change });
    const { findings, check } = await diagnose(scene, { from: { proxy: scene.agent.proxy, socket } });
    expect(findings).toEqual(["tailscale.version fail"]);
    expect(check("tailscale.version")?.message).toContain("1.19.7");
  });

  test("a tailscaled that was stopped, and one that is gone", async () => {
    const spare = await scene.tailnet.startNode({ hostname: "spare", tags: ["tag:agent"], upArgs: ["--shields-up"] });
    await spare.tailscale(["down"]);
    const stopped = await diagnose(scene, { from: spare });
    expect(stopped).toMatchObject({ findings: ["tailscale.state fail"], needs: ["tailscale.state"], exitCode: 1 });
    await spare.kill();
    const gone = await diagnose(scene, { from: spare });
    expect(gone).toMatchObject({ findings: ["tailscale.state fail"], needs: ["tailscale.state"], exitCode: 1 });
    expect(gone.check("tailscale.state")?.hint).toContain("tsmcp up");
  });

  test("a complaint of tailscaled's own", async () => {
    const socket = join(scene.home, "ill");
    const complaint = "Tailscale could not connect to any relay server.";
    const change = (body: string): string => body.replace(/"Health": ?(\[\]|null)/, `"Health":["${complaint}"]`);
    await using _relay = await startLocalApiRelay({ socket, to: scene.agent.socket, change });
    const { findings, check } = await diagnose(scene, { from: { proxy: scene.agent.proxy, socket } });
    expect(findings).toEqual(["tailscale.health warn"]);
    expect(check("tailscale.health")?.message).toBe(complaint);
  });

  test("a key that ends soon, and one that has ended", async () => {
    const spare = await scene.tailnet.startNode({
      hostname: "ends",
      user: "alice@example.com",
      upArgs: ["--shields-up"],
    });
    const inMs = 2 * 24 * 60 * 60 * 1_000;
    await scene.tailnet.api.expireNode(spare.dnsName, inMs);
    await spare.until("to know when its key ends", ({ Self }) => Date.parse(Self?.KeyExpiry ?? "") < Date.now() + inMs);
    const soon = await diagnose(scene, { from: spare });
    expect(soon.findings).toEqual(["tailscale.expiry warn"]);
    expect(soon.check("tailscale.expiry")?.message).toMatch(/ends in [12] days?/);
    await scene.tailnet.api.expireNode(spare.dnsName);
    await spare.until("to need a login", ({ BackendState }) => BackendState === "NeedsLogin");
    const ended = await diagnose(scene, { from: spare });
    expect(ended.findings).toEqual(["tailscale.state fail"]);
    expect(ended.check("tailscale.state")?.message).toContain("the node's key ended at");
    await spare.kill();
  });

  test("tags that are not those of the configuration", async () => {
    const { findings, check } = await diagnose(scene, { env: { TSMCP_ADVERTISE_TAGS: "tag:agent,tag:ci" } });
    expect(findings).toEqual(["tailscale.tags fail"]);
    expect(check("tailscale.tags")).toMatchObject({ facts: { tags: ["tag:agent"], missing: ["tag:ci"] } });
  });

  test("shields that are down on an agent's machine, and up on one that serves", async () => {
    await scene.agent.tailscale(["set", "--shields-up=false"]);
    expect((await diagnose(scene)).findings).toEqual(["tailscale.shields warn"]);
    await scene.agent.tailscale(["set", "--shields-up"]);
    await scene.agent.serve({ port: 8443, target: `http://127.0.0.1:${scene.gate.port}` });
    const { findings, check } = await diagnose(scene);
    expect(findings).toEqual(["tailscale.shields warn"]);
    expect(check("tailscale.shields")?.message).toContain("serves");
    await scene.agent.tailscale(["serve", "reset"]);
    expect((await diagnose(scene)).findings).toEqual([]);
  });

  test("a name that an earlier boot still has", async () => {
    const again = await scene.tailnet.startNode({ hostname: "agent", tags: ["tag:agent"], upArgs: ["--shields-up"] });
    const { findings, check } = await diagnose(scene, { from: again });
    expect(findings).toEqual(["tailscale.ephemeral warn"]);
    expect(check("tailscale.ephemeral")?.facts).toEqual({ name: "agent-1", asked: "agent" });
    await again.kill();
  });

  test("the state of another boot", async () => {
    const place = join(scene.home, "0b7e2a52-6c0e-4b7c-9d43-2a2f6f1c0e11-1c22ab90", "state");
    const clone = await scene.tailnet.startNode({
      hostname: "clone",
      tags: ["tag:agent"],
      upArgs: ["--shields-up"],
      args: [`--statedir=${place}`],
    });
    const { findings, check } = await diagnose(scene, { from: clone });
    expect(findings).toEqual(["tailscale.clone fail"]);
    expect(check("tailscale.clone")?.message).toContain(place);
    await clone.kill();
  });
});
