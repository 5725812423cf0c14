import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { listen } from "../fakes/listening.ts";
import { everybodyReachesEverybody } from "../tailnet/harness/knobs.ts";
import { diagnose, type Scene, startScene } from "./doctor-scene.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});

afterEach(async () => {
  await scene.server.serve({ port: 8443, target: `http://127.0.0.1:${scene.gate.port}` });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

describe("when one thing is wrong with the server's side, the doctor names it first:", () => {
  test("a slip in the name, and the name that was meant", async () => {
    const host = scene.server.dnsName.replace("server", "servr");
    const { findings, needs, check } = await diagnose(scene, { host });
    expect({ findings, needs }).toEqual({ findings: ["tailnet.name fail"], needs: ["tailnet.name"] });
    expect(check("tailnet.name")?.hint).toBe(`did you mean ${scene.server.dnsName}?`);
  });

  test("a policy that lets the node see the server and not reach it, and shields on the server", async () => {
    await scene.tailnet.api.setGrants([{ src: ["tag:agent"], dst: ["tag:server"], ip: ["tcp:22"] }]);
    const denied = await diagnose(scene);
    expect(denied).toMatchObject({ findings: ["tailnet.grants fail"], needs: ["tailnet.grants"] });
    expect(denied.check("tailnet.grants")?.hint).toContain("grant tag:agent tcp:8443");
    await scene.tailnet.api.setGrants([everybodyReachesEverybody]);
    await scene.server.tailscale(["set", "--shields-up"]);
    expect(await diagnose(scene)).toMatchObject({ findings: ["tailnet.grants fail"], needs: ["tailnet.grants"] });
    await scene.server.tailscale(["set", "--shields-up=false"]);
  });

  test("a server that is off", async () => {
    const spare = await scene.tailnet.startNode({ hostname: "off", tags: ["tag:server"] });
    await spare.kill();
    const { findings, needs } = await diagnose(scene, { host: spare.dnsName });
    expect({ findings, needs }).toEqual({ findings: ["tailnet.dial fail"], needs: ["tailnet.dial"] });
  });

  test("Serve that is off", async () => {
    await scene.server.tailscale(["serve", "--https=8443", "off"]);
    const { findings, needs, check } = await diagnose(scene);
    expect({ findings, needs }).toEqual({ findings: ["tailnet.dial fail"], needs: ["tailnet.dial"] });
    expect(check("tailnet.dial")?.hint).toContain("tailscale serve");
  });

  test("an authority that this machine does not know", async () => {
    const { findings, needs, check } = await diagnose(scene, { env: { NODE_EXTRA_CA_CERTS: undefined } });
    expect({ findings, needs }).toEqual({ findings: ["tailnet.tls fail"], needs: ["tailnet.tls"] });
    expect(check("tailnet.tls")?.hint).toContain("NODE_EXTRA_CA_CERTS");
  });

  test("a backend that is down", async () => {
    const port = await scene.tailnet.api.reservePort();
    await scene.server.serve({ port: 8443, target: `http://127.0.0.1:${port}` });
    const { findings, needs } = await diagnose(scene);
    expect({ findings, needs }).toEqual({ findings: ["tailnet.initialize fail"], needs: ["tailnet.initialize"] });
  });

  test("a server of the stateless era alone", async () => {
    await scene.serve({ gate: () => true, flavour: "modern" });
    expect((await diagnose(scene)).findings).toEqual(["tailnet.era warn"]);
  });

  test("a server that opens to everybody and tells this node nothing", async () => {
    const opened = {
      protocolVersion: "2025-11-25",
      capabilities: { tools: {} },
      serverInfo: { name: "x", version: "1" },
    };
    const backend = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { id, method } = JSON.parse(Buffer.concat(chunks).toString() || "{}");
        if (method !== "initialize") return void response.writeHead(403).end();
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ jsonrpc: "2.0", id, result: opened }));
      });
    });
    const port = await listen(backend);
    try {
      await scene.server.serve({ port: 8443, target: `http://127.0.0.1:${port}` });
      const { findings } = await diagnose(scene);
      expect(findings[0]).toBe("tailnet.identity fail");
    } finally {
      backend.closeAllConnections();
      backend.close();
    }
  });

  test("tools that are missing, and tools that nobody expects", async () => {
    const [first = "", ...others] = scene.gate.tools;
    expect(
      (await diagnose(scene, { args: ["--expect-tools", `${scene.gate.tools.join(",")},search`] })).findings,
    ).toEqual(["tailnet.tools fail"]);
    const surplus = await diagnose(scene, { args: ["--expect-tools", first] });
    expect(surplus.findings).toEqual(["tailnet.surplus warn"]);
    expect(surplus.check("tailnet.surplus")?.facts).toEqual({ surplus: others });
  });

  test("a server that is not as the lock has it", async () => {
    const lock = join(scene.home, "tsmcp.lock.json");
    const written = await diagnose(scene, { args: ["--update-lock"] });
    expect(written.check("tailnet.lock")).toMatchObject({ status: "pass", facts: { tools: scene.gate.tools.length } });
    expect(Object.values(JSON.parse(readFileSync(lock, "utf8")).servers)).toMatchObject([
      { tools: scene.gate.tools.map((name) => ({ name })) },
    ]);
    expect((await diagnose(scene)).check("tailnet.lock")?.status).toBe("pass");
    const [kept = "", ...gone] = scene.gate.tools;
    await scene.serve({ gate: () => true, tools: [kept, "brand_new"] });
    const { findings, check } = await diagnose(scene);
    expect(findings).toEqual(["tailnet.lock fail"]);
    expect(check("tailnet.lock")?.facts).toMatchObject({ added: ["brand_new"], removed: gone, changed: [] });
    rmSync(lock);
  });

  test("a tool that does not run", async () => {
    expect((await diagnose(scene, { args: ["--call-tool", "no_such_tool"] })).findings).toEqual(["tailnet.call fail"]);
  });
});
