import { spawn, spawnSync } from "node:child_process";
import { openSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import { startWhois } from "../fakes/whois.ts";
import { until } from "../tailnet/harness/until.ts";
import { aliceAddress as from, initialize, rpc, send, usualNodes } from "../unit/gateway/front.ts";
import { configText, startService } from "./gateway-service.ts";
import { binDir } from "./tsmcp.ts";

const program = fileURLToPath(new URL("../peers/stdio-server.mjs", import.meta.url));
const notes = { command: process.execPath, args: [program] };
const reader = fileURLToPath(new URL("../telemetry", import.meta.url));

/** The first time Go tells what it downloads, and that is no finding. */
beforeAll(() => {
  expect(spawnSync("go", ["build", "-o", "/dev/null", "."], { cwd: reader }).status).toBe(0);
}, 600_000);

/** Returns what Prometheus' own parser and linter make of a text. */
function readMetrics(text: string): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync("go", ["run", ".", "metrics"], {
    cwd: reader,
    input: text,
    encoding: "utf8",
  });
  return { status, output: `${stdout}${stderr}` };
}

test("Prometheus reads /metrics, whose labels are no caller's choice", { timeout: 120_000 }, async () => {
  const service = await startService({ gateway: { upstreams: { notes, who: { builtin: "whoami" } } } });
  const ask = (path: string, body: object, session?: string) =>
    service.send("private", { from, path, body, ...(session === undefined ? {} : { session }) });
  const { headers } = await ask("/mcp/notes", initialize);
  const session = String(headers["mcp-session-id"]);
  await ask("/mcp/notes", rpc("tools/call", { name: "pid" }), session);
  await ask("/mcp/who", initialize);
  for (const path of ["/mcp/made-up-1", '/mcp/made-up-2"}', "/mcp/notes?made-up-3"]) {
    await ask(path, rpc("tools/made-up-4"));
    await service.send("public", { path, body: initialize });
  }
  const { text, headers: told } = await service.send("admin", { method: "GET", path: "/metrics" });
  expect(told["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(text).not.toContain("made-up");
  expect(text).toContain('tsmcp_gateway_requests_total{view="private",upstream="notes",outcome="ok"} 2\n');
  expect(text).toContain('tsmcp_gateway_requests_total{view="private",upstream="who",outcome="ok"} 1\n');
  expect(text).toContain('tsmcp_gateway_requests_total{view="private",upstream="",outcome="refused"} 3\n');
  expect(text).toContain('tsmcp_gateway_requests_total{view="public",upstream="",outcome="ok"} 3\n');
  expect(text).toContain('tsmcp_gateway_request_duration_seconds_count{view="private",upstream="notes"} 2\n');
  expect(text).toContain('tsmcp_gateway_upstream_children{upstream="notes"} 1\n');
  expect(text).toContain('tsmcp_gateway_upstream_children{upstream="who"} 0\n');
  expect(text).toContain("tsmcp_gateway_sessions 2\n");
  const { status, output } = readMetrics(text);
  expect({ status, output }).toMatchObject({ status: 0 });
  expect(output).toContain("tsmcp_gateway_requests_total COUNTER 4\n");
  expect(output).toContain("tsmcp_gateway_request_duration_seconds HISTOGRAM");
  expect(readMetrics(`${text}\ntsmcp_x{view="half 1\n`).status).toBe(1);
});

test("every line of the log is JSON, the gateway's own and those about requests", async () => {
  const service = await startService({ gateway: { upstreams: { notes }, audit: { arguments: true } } });
  const { headers } = await service.send("private", { from, body: initialize });
  const session = String(headers["mcp-session-id"]);
  const name = 'no\n{"kind":"audit"}\u001b[2J';
  await service.send("private", { from, session, body: rpc("tools/call", { name, arguments: { text: name } }) });
  writeFileSync(service.configFile, "{");
  service.child.kill("SIGHUP");
  await expect.poll(service.log).toContain("is not used");
  service.child.kill("SIGTERM");
  await service.outcome;
  const lines = service.log().trimEnd().split("\n");
  const read = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(
    read.every(({ time, kind }) => !Number.isNaN(Date.parse(String(time))) && ["log", "audit"].includes(String(kind))),
  ).toBe(true);
  expect(read.filter(({ kind }) => kind === "audit")).toMatchObject([
    { method: "initialize", caller: "alice@example.com", decision: "allow", rule: "every member", outcome: "ok" },
    { method: "tools/call", tool: name, arguments: JSON.stringify({ text: name }) },
  ]);
  expect(lines.at(-1)).toContain("stopping");
});

test.for([
  ["nobody reads", "pipe"],
  ["is on a full disk", "/dev/full"],
] as const)(
  "calls are answered while the log, which %s, takes nothing, and the end comes all the same",
  async ([, where]) => {
    const directory = temporaryDirectory();
    const configFile = join(directory, "c.json");
    const audit = { publicEvery: 1, arguments: true };
    const upstreams = { who: { builtin: "whoami" } } as const;
    writeFileSync(configFile, configText(directory, { upstreams, audit }), { mode: 0o600 });
    const { socket } = await startWhois(usualNodes());
    const args = [join(binDir, "tsmcp"), "gateway", "--json", "--config", configFile, "--socket", socket];
    const stderr = where === "pipe" ? "pipe" : openSync(where, "w");
    const env = { PATH: process.env.PATH, HOME: directory };
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", stderr] });
    onTestFinished(() => void child.kill("SIGKILL"));
    let out = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    await until({ what: "the gateway to listen" }, async () => (out.includes('"target"') ? true : undefined));
    const params = { name: "greet", arguments: { text: "x".repeat(1_900) } };
    const ask = () => send(join(directory, "private"), { from, path: "/mcp/who", body: rpc("tools/call", params) });
    // Twice as much as is kept for a reader, and more than a pipe holds.
    for (let round = 0; round < 120; round++) {
      const answers = await Promise.all(Array.from({ length: 40 }, ask));
      expect(answers.every(({ status }) => status === 400)).toBe(true);
    }
    const metrics = await send(join(directory, "admin"), { method: "GET", path: "/metrics" });
    const dropped = Number(/^tsmcp_gateway_log_lines_dropped_total (\d+)/m.exec(metrics.text)?.[1]);
    expect(dropped).toBeGreaterThan(100);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
  },
);

test("/readyz names the upstreams that are not ready, before anybody called them and when they go or come", async () => {
  const server = createServer((_request, response) => void response.writeHead(500).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  onTestFinished(() => void server.close());
  const service = await startService({
    gateway: {
      upstreams: {
        notes,
        who: { builtin: "whoami" },
        broken: { command: process.execPath, args: ["-e", "process.exit(1)"] },
        wiki: { url: `http://127.0.0.1:${port}/mcp` },
        gone: { url: "http://127.0.0.1:1/mcp" },
      },
    },
  });
  const ready = async () => {
    const { status, text } = await service.send("admin", { method: "GET", path: "/readyz" });
    return { status, names: [...text.matchAll(/^upstream "(\w+)" is not ready: \S/gm)].map(([, name]) => name) };
  };
  await expect.poll(ready).toEqual({ status: 503, names: ["broken", "wiki", "gone"] });
  const who = { builtin: "whoami" } as const;
  const { pathname: directory } = new URL(".", `file://${service.configFile}`);
  writeFileSync(service.configFile, configText(directory.slice(0, -1), { upstreams: { notes, who } }));
  service.child.kill("SIGHUP");
  await expect.poll(ready).toEqual({ status: 200, names: [] });
});
