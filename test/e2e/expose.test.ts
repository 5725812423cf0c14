import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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

const tools = (machine: ExposeMachine, side: "tailnet" | "public", path = "/mcp") => {
  const { tailnet, agent } = scene;
  const { dnsName } = machine.node;
  return side === "tailnet"
    ? sightOf(tailnet, { url: `https://${dnsName}:8443${path}`, from: agent })
    : sightOf(tailnet, { url: `https://${dnsName}${path}` });
};

/** Without the lines about requests, and where the machine's files are. */
const toldPeople = (stderr: string): string =>
  stderr.replaceAll(/^\{.*\n/gm, "").replaceAll(/unix:\S+\//g, "unix:DIR/");

test("a fresh node gets two proven views in one command, and Ctrl-C leaves nothing", async () => {
  const machine = await scene.machine();
  const running = machine.start([machine.url]);
  await running.says(stands);
  const { dnsName } = machine.node;
  expect((await tools(machine, "tailnet")).tools).toEqual(scene.upstream.tools);
  expect(await tools(machine, "public")).toEqual({ server: "tsmcp-public", session: undefined, tools: [] });
  const { exitCode, stdout, stderr } = await running.end();
  expect({
    exitCode,
    stderr: toldPeople(stderr)
      .replaceAll(dnsName, "NODE")
      .replaceAll(/\d+ kinds/g, "N kinds"),
  }).toMatchSnapshot();
  expect(stdout.replaceAll(dnsName, "NODE")).toMatchSnapshot();
  expect(await machine.serves()).toEqual({});
  expect(processesNaming(machine.home)).toEqual([]);
});

test("a dry run says the commands and sets nothing", async () => {
  const machine = await scene.machine();
  const { exitCode, stdout, stderr } = await machine.run([machine.url, "--dry-run"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout.replaceAll(/unix:\S+\//g, "unix:DIR/")).toMatchSnapshot();
  expect(await machine.serves()).toEqual({});
});

test("a configuration exposes each of its upstreams, and the grants it goes by are handed on", async () => {
  const machine = await scene.machine();
  const config = join(machine.home, "tsmcp.config.json");
  const upstreams = { notes: { url: machine.url }, who: { builtin: "whoami" } };
  const gateway = { upstreams, capability: "example.com/cap/mcp", rules: [{ who: ["tag:agent"], tools: ["*"] }] };
  writeFileSync(config, JSON.stringify({ gateway }), { mode: 0o600 });
  const running = machine.start(["--config", config, "--no-funnel", "--json"]);
  await running.says(stands);
  expect((await tools(machine, "tailnet", "/mcp/notes")).tools).toEqual(scene.upstream.tools);
  expect((await tools(machine, "tailnet", "/mcp/who")).tools).toEqual(["greet"]);
  const caps = '"AcceptAppCaps":["example.com/cap/mcp"]';
  expect(JSON.stringify(await machine.serves())).toContain(caps);
  expect(JSON.stringify(await machine.serves())).not.toContain("AllowFunnel");
  const { exitCode, stdout } = await running.end("SIGTERM");
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    status: "exposed",
    proof: { verdict: "pass" },
    publicUrls: [],
    entry: { mcpServers: { notes: { command: "tsmcp" }, who: { command: "tsmcp" } } },
  });
  expect(await machine.serves()).toEqual({});
});

describe("among others' handlers", () => {
  test("both views go beside them, by a path of their own, and nothing of theirs changes", async () => {
    const machine = await scene.machine();
    const theirs = `http://127.0.0.1:${scene.upstream.port}/theirs`;
    await machine.node.serve({ port: 8443, target: theirs, path: "/app", acceptAppCaps: ["example.com/cap/app"] });
    await machine.node.funnel({ port: 443, target: "text:theirs" });
    const before = await machine.serves();
    const running = machine.start([machine.url, "--no-color"]);
    await running.says(stands);
    await running.says("loopback behind a secret path");
    expect((await tools(machine, "tailnet")).tools).toEqual(scene.upstream.tools);
    expect(await tools(machine, "public")).toEqual({ server: "tsmcp-public", session: undefined, tools: [] });
    expect(await machine.serves()).toMatchObject({ TCP: { 443: { HTTPS: true }, 8443: { HTTPS: true } } });
    expect((await running.end()).exitCode).toBe(0);
    expect(await machine.serves()).toEqual(before);
  });

  test.each([
    ["a path of theirs that is ours", ["serve", "--bg", "--https=8443", "--set-path=/mcp", "3000"], "serve.path-taken"],
    ["theirs on 443 that is not on the internet", ["serve", "--bg", "--https=443", "3000"], "serve.others-on-port"],
    ["Funnel on 8443", ["funnel", "--bg", "--https=8443", "3000"], "serve.funnel-on"],
    ["raw TCP on 443", ["funnel", "--bg", "--tcp=443", "3000"], "serve.port-taken"],
  ])("it refuses %s", async (_what, args, id) => {
    const machine = await scene.machine();
    expect((await machine.node.tailscale(args)).exitCode).toBe(0);
    const before = await machine.serves();
    const { exitCode, stdout } = await machine.run([machine.url, "--json"]);
    const { status, refusals } = JSON.parse(stdout) as { status: string; refusals: { id: string }[] };
    expect({ exitCode, status, ids: refusals.map((one) => one.id) }).toEqual({
      exitCode: 1,
      status: "refused",
      ids: [id],
    });
    expect(await machine.serves()).toEqual(before);
  });
});

test("a Service gets the tailnet's view, stands unproven until somebody approves it, and is drained at the end", async () => {
  const machine = await scene.machine();
  const services = async (): Promise<unknown> => {
    const { stdout } = await machine.node.tailscale(["debug", "prefs"]);
    return (JSON.parse(stdout) as { AdvertiseServices?: unknown }).AdvertiseServices ?? [];
  };
  const running = machine.start([machine.url, "--service", "svc:notes", "--wait", "1s"]);
  await running.says(stands);
  expect(await services()).toEqual(["svc:notes"]);
  expect(await machine.serves()).toMatchObject({ Services: { "svc:notes": { TCP: { 8443: { HTTPS: true } } } } });
  await running.says(`the tailnet does not know notes.${scene.tailnet.suffix}`);
  const { exitCode, stdout } = await running.end();
  expect(exitCode).toBe(3);
  expect(stdout).toContain(`https://notes.${scene.tailnet.suffix}:8443/mcp`);
  expect(await machine.serves()).toEqual({});
  expect(await services()).toEqual([]);
});
