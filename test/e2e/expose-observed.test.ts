import { spawn } from "node:child_process";
import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { GatewayConfig } from "../../src/config/config.ts";
import { hasSystemdNotify, notifySocket } from "../fakes/notify-socket.ts";
import { startCollector } from "../fakes/span-collector.ts";
import { send } from "../unit/gateway/front.ts";
import { type ExposeMachine, type ExposeScene, exposing, stands, startExposeScene } from "./expose-scene.ts";
import { answered, post, sightOf } from "./gateway-process.ts";
import { binDir, filesBelow, processesNaming } from "./tsmcp.ts";

let scene: ExposeScene;

beforeAll(async () => {
  scene = await startExposeScene();
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

function configure(machine: ExposeMachine, gateway: Partial<GatewayConfig>): string {
  const file = join(machine.home, "c.json");
  const upstreams = { notes: { url: machine.url } };
  writeFileSync(file, JSON.stringify({ gateway: { upstreams, ...gateway } }), { mode: 0o600 });
  return file;
}

/** Who has gone by, as the lines about requests tell. */
function audited(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ kind, view }) => kind === "audit" && view === "private");
}

function asks(machine: ExposeMachine, path: string) {
  return { url: `https://${machine.node.dnsName}:8443${path}`, from: scene.agent };
}

const called = {
  jsonrpc: "2.0",
  id: 3,
  method: "tools/call",
  params: { name: "made-up\n{}", arguments: { q: "the argument" } },
};

function fileOf(machine: ExposeMachine, name: string): string {
  const found = filesBelow(machine.home).find((path) => path.endsWith(`/${name}`));
  if (found === undefined) throw new Error(`no ${name}`);
  return join(machine.home, found);
}

test("in the foreground requests are told on stderr, and to a collector, and a signal brings new rules", async () => {
  const machine = await scene.machine();
  const { url, posted } = await startCollector();
  const config = configure(machine, { audit: { arguments: true } });
  const running = machine.start(["--config", config, "--no-funnel"], {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_BSP_SCHEDULE_DELAY: "20",
  });
  await running.says(stands);
  expect((await sightOf(scene.tailnet, asks(machine, "/mcp/notes"))).tools).toEqual(scene.upstream.tools);
  await answered(post(scene.tailnet, asks(machine, "/mcp/notes"), called));
  const upstreams = { notes: { url: machine.url }, who: { builtin: "whoami" } } as const;
  configure(machine, { upstreams, audit: { calls: false } });
  running.child.kill("SIGHUP");
  await running.says("added who; rules");
  expect((await sightOf(scene.tailnet, asks(machine, "/mcp/who"))).tools).toEqual(["greet"]);
  const metrics = await send(fileOf(machine, "admin.sock"), { method: "GET", path: "/metrics" });
  expect(metrics.text).toContain('tsmcp_gateway_requests_total{view="private",upstream="who",outcome="ok"} 2\n');
  const told = (name: string) => posted.some(({ body }) => body.includes(`"name":"${name}`));
  await expect.poll(() => ["initialize", "tools/list", "tools/call"].every(told)).toBe(true);
  const { exitCode, stderr, stdout } = await running.end("SIGTERM");
  expect(exitCode).toBe(0);
  expect(stdout).not.toContain("audit");
  expect(audited(stderr)).toMatchObject([
    { method: "initialize", tags: ["tag:agent"], upstream: "notes", decision: "allow", rule: "every member" },
    { method: "tools/list", outcome: "ok" },
    { method: "tools/call", tool: called.params.name, arguments: '{"q":"the argument"}' },
  ]);
  expect(stderr.split("\n").filter((line) => !/^(tsmcp: |\{.*\}$|$)/.test(line))).toEqual([]);
});

test("on a terminal people read the steps, and requests are told in the file beside the record", async () => {
  const machine = await scene.machine();
  const command = ["exec", process.execPath, join(binDir, "tsmcp"), "expose", machine.url, "--no-funnel"].join(" ");
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    cwd: machine.home,
    env: { ...machine.env, NO_COLOR: "1" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  child.stdout.setEncoding("utf8");
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const terminal = exposing({
    child,
    outcome: ended.then((exitCode) => ({ exitCode, signal: null, stdout: "", stderr: "", durationMs: 0 })),
  });
  await terminal.says(stands);
  await sightOf(scene.tailnet, asks(machine, "/mcp"));
  child.stdin.write("\u0003");
  expect(await ended).toBe(0);
  expect(terminal.said()).not.toContain('"kind"');
  expect(audited(readFileSync(fileOf(machine, "expose.log"), "utf8"))).toMatchObject([
    { method: "initialize" },
    { method: "tools/list" },
  ]);
  await expect.poll(() => processesNaming(machine.home)).toEqual([]);
});

test("in the background everything is told in a file that stays small, and a changed file is read again", async () => {
  const machine = await scene.machine();
  const config = configure(machine, {});
  const args = ["--config", config, "--no-funnel", "--bg"];
  const started = await machine.run(args);
  onTestFinished(async () => void (await machine.run(["--off"])));
  expect(started).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("proof: ") });
  await sightOf(scene.tailnet, asks(machine, "/mcp/notes"));
  const log = fileOf(machine, "expose.log");
  await expect.poll(() => audited(readFileSync(log, "utf8"))).toMatchObject([{ upstream: "notes" }, {}]);

  expect(await machine.run(args)).toMatchObject({ exitCode: 0, stderr: expect.not.stringContaining('"kind"') });
  configure(machine, { rules: [{ who: ["nobody@example.com"], tools: ["*"] }] });
  await expect.poll(() => readFileSync(log, "utf8"), { timeout: 10_000 }).toContain("was read again");
  appendFileSync(log, `${"x".repeat(99)}\n`.repeat(42_000));
  expect((await sightOf(scene.tailnet, asks(machine, "/mcp/notes"))).tools).toEqual([]);
  await expect.poll(() => statSync(log).size).toBeLessThan(10_000);
  expect(audited(readFileSync(`${log}.1`, "utf8"))).toMatchObject([{ rule: "every member" }, {}]);
  await expect
    .poll(() => audited(readFileSync(log, "utf8")))
    .toMatchObject([{ rule: "no rule, no grant" }, { rule: "no rule, no grant" }]);
  expect(statSync(log).mode & 0o777).toBe(0o600);
});

test.runIf(hasSystemdNotify)("a service manager is told when it stands proven, and when it goes", async () => {
  const machine = await scene.machine();
  const { path, messages } = await notifySocket();
  const running = machine.start([machine.url, "--no-funnel"], { NOTIFY_SOCKET: path });
  await running.says(stands);
  await expect.poll(() => messages.length).toBe(1);
  expect((await running.end("SIGTERM")).exitCode).toBe(0);
  const serves = `serves https://${machine.node.dnsName}:8443/mcp; proof: `;
  await expect
    .poll(() => messages)
    .toEqual([expect.stringContaining(`READY=1\nSTATUS=${serves}`), "STOPPING=1\nSTATUS=takes away what it set"]);
});
