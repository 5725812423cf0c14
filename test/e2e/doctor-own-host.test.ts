import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { CheckId } from "../../src/doctor/check.ts";
import { type Exposure, expose, recipe } from "../peers/gates/exposure.ts";
import { copiedRecipe } from "../peers/gates/flawed.ts";
import { type GateOptions, type GateServer, startGate } from "../peers/gates/mcp-server.ts";
import { type Diagnosis, diagnose, type Scene, startScene } from "./doctor-scene.ts";

const checks = ["backend", "funnel", "loopback", "host-versions"].map((noun): CheckId => `separation.${noun}`);
/** Long and random, so that no peer finds it. */
const secret = "u7Qm2vXk9LrT4sWz";

let scene: Scene;
const gates: GateServer[] = [];

beforeAll(async () => {
  scene = await startScene({ funnel: true });
});

afterEach(async () => {
  for (const gate of gates.splice(0)) await gate[Symbol.asyncDispose]();
  await scene.server.tailscale(["serve", "reset"]);
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

async function start(options: GateOptions): Promise<number> {
  const gate = await startGate(options);
  gates.push(gate);
  return gate.port;
}

/** Runs the doctor on the server's own node, or on the agent's. */
function examine(from: "server" | "agent" = "server"): Promise<Diagnosis> {
  const connectTo = scene.tailnet.connectTo(scene.server.dnsName).flatMap((rule) => ["--connect-to", rule]);
  return diagnose(scene, { from: scene[from], args: ["--vantage", "auto", "--only", checks.join(","), ...connectTo] });
}

async function statusesFor(exposures: readonly Exposure[]) {
  await expose(scene.server, exposures);
  const { check, report } = await examine();
  expect(report.requests).toBe(0);
  return { check, statuses: checks.map((id) => check(id)?.status) };
}

test("the doctor names the copied recipe on the server's own host: one server behind both sides", async () => {
  const port = await start({ gate: copiedRecipe });
  const { check, statuses } = await statusesFor(recipe(port));
  expect(statuses.slice(0, 3)).toEqual(["warn", "pass", "warn"]);
  expect(check("separation.backend")?.facts).toMatchObject({ shared: [`localhost:${port}`] });
  expect(check("separation.loopback")?.facts.port).toBe(port);
  // The gate runs in this very process.
  expect(check("separation.host-versions")?.facts).toMatchObject({
    tailscaled: "1.102.5",
    node: process.versions.node,
  });
});

test("the doctor finds nothing on the server's own host when each side has a server and a secret path", async () => {
  const [inside, outside] = [await start({ gate: () => true }), await start({ gate: () => false })];
  const { check, statuses } = await statusesFor([
    { verb: "serve", port: 8443, target: `http://127.0.0.1:${inside}/${secret}` },
    { verb: "funnel", port: 443, target: `http://127.0.0.1:${outside}/${secret}` },
  ]);
  expect(statuses).toEqual(["pass", "pass", "pass", "pass"]);
  expect(check("separation.backend")?.facts).toEqual({
    tailnet: [`localhost:${inside}`],
    public: [`localhost:${outside}`],
  });
});

test("the doctor fails a raw TCP Funnel to the tailnet's server, and warns of one to another", async () => {
  const [inside, outside] = [await start({ gate: () => true }), await start({ gate: () => false })];
  const serve: Exposure = { verb: "serve", port: 8443, target: `http://127.0.0.1:${inside}/${secret}` };
  const raw = await statusesFor([serve, { verb: "funnel-tcp", port: 443, target: `tcp://127.0.0.1:${inside}` }]);
  expect(raw.check("separation.funnel")).toMatchObject({
    status: "fail",
    message: "Funnel hands on raw TCP at 443, to the tailnet's own server",
  });
  const apart = await statusesFor([serve, { verb: "funnel-tcp", port: 443, target: `tcp://127.0.0.1:${outside}` }]);
  expect(apart.statuses).toEqual(["pass", "warn", "pass", "pass"]);
});

test("the doctor fails Funnel at the port that is meant for the tailnet", async () => {
  const port = await start({ gate: () => true });
  const { check } = await statusesFor([{ verb: "funnel", port: 8443, target: `http://127.0.0.1:${port}/${secret}` }]);
  expect(check("separation.funnel")).toMatchObject({
    status: "fail",
    message: "Funnel is on at 8443, the port that is meant for the tailnet",
  });
});

test("the doctor says on another host where these questions are answered", async () => {
  const port = await start({ gate: () => true });
  await expose(scene.server, recipe(port));
  const { check } = await examine("agent");
  for (const id of checks) {
    expect(check(id)).toMatchObject({
      status: "skip",
      message: `only ${scene.server.dnsName} itself can tell; run tsmcp doctor there`,
    });
  }
});
