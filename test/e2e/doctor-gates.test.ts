import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { DoctorReport } from "../../src/doctor/run-doctor.ts";
import { flawedGates } from "../peers/gates/corpus.ts";
import { draw, seedOfRun } from "../peers/gates/draw.ts";
import { type Exposure, expose, recipe } from "../peers/gates/exposure.ts";
import type { Place } from "../peers/gates/flawed.ts";
import type { GateServer } from "../peers/gates/mcp-server.ts";
import { soundGates } from "../peers/gates/sound.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";

const tsmcp = fileURLToPath(new URL("../../bin/tsmcp", import.meta.url));

/** Tool names, paths and flavours are new in each run; GATES_SEED brings one back. */
const seed = seedOfRun();

let tailnet: Tailnet;
let server: TailnetNode;
let laptop: TailnetNode;
let home: string;
const gates: GateServer[] = [];

beforeAll(async () => {
  console.log(`GATES_SEED=${seed}`);
  tailnet = await startTailnet();
  home = tailnet.tempDir();
  [server, laptop] = await Promise.all([
    tailnet.startNode({ hostname: "server", tags: ["tag:server"], funnel: true }),
    tailnet.startNode({ hostname: "laptop", user: "alice@example.com" }),
  ]);
});

afterEach(async () => {
  for (const gate of gates.splice(0)) await gate[Symbol.asyncDispose]();
});

afterAll(async () => {
  await tailnet?.close();
});

function placeOf(name: string): Place {
  return { ...draw(seed, name), publicName: server.dnsName, serverAddress: server.ip };
}

async function examine(path: string): Promise<DoctorReport> {
  const url = `https://${server.dnsName}:8443${path}`;
  const connectTo = tailnet.connectTo(server.dnsName).flatMap((rule) => ["--connect-to", rule]);
  const env = { ...tailnet.env(), HOME: home, TSMCP_PROXY: `http://${laptop.proxy}`, TSMCP_SOCKET: laptop.socket };
  const child = spawn(process.execPath, [tsmcp, "doctor", url, "--json", ...connectTo], {
    env,
    cwd: home,
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(await text(child.stdout));
}

async function expectTools(report: DoctorReport, { tools }: GateServer): Promise<void> {
  expect(report.checks.find(({ id }) => id === "tailnet.tools")?.facts.names).toEqual(tools);
  expect(report.requests).toBeLessThanOrEqual(200);
}

describe("on the real tailnet, the doctor finds the gate that", () => {
  test.each(flawedGates)("$name", async ({ name, found, orFound, start, exposures = recipe, leaksNoTool }) => {
    const place = placeOf(name);
    const gate = await start(place);
    gates.push(gate);
    await expose(server, exposures(gate.port));
    const report = await examine(place.path);
    await expectTools(report, gate);
    const finding = report.checks.find(({ id, status }) => status === "fail" && (id === found || id === orFound));
    expect(finding, JSON.stringify(report.checks.filter(({ status }) => status !== "pass"))).toBeDefined();
    if (leaksNoTool === undefined) expect(finding?.facts.names).toEqual(gate.tools);
    expect(report.verdict).toBe("fail");
    expect(gate.calls).toEqual([]);
  });
});

describe("on the real tailnet, the doctor passes the gate that", () => {
  test.each(soundGates)("$name", async ({ name, start }) => {
    const place = placeOf(name);
    const gate = await start(place);
    gates.push(gate);
    const exposures: readonly Exposure[] = gate.exposures ?? recipe(gate.port);
    await expose(server, exposures);
    const report = await examine(place.path);
    await expectTools(report, gate);
    expect(report.checks.filter(({ status }) => status === "fail" || status === "unknown")).toEqual([]);
    expect(report.verdict).toBe("pass");
    expect(gate.calls).toEqual([]);
  });
});
