import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import type { GatewayConfig } from "../../src/config/config.ts";
import { startTailscaled } from "../fakes/tailscaled.ts";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import { type Outcome, tsmcp } from "./tsmcp.ts";

const program = fileURLToPath(new URL("../peers/stdio-server.mjs", import.meta.url));
const notes = { command: process.execPath, args: [program] };

async function gateway(config: GatewayConfig, args: readonly string[], version?: string): Promise<Outcome> {
  const directory = temporaryDirectory();
  const daemon = await startTailscaled(directory, version);
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  const file = join(directory, "c.json");
  writeFileSync(file, JSON.stringify({ gateway: config }), { mode: 0o600 });
  const env = { PATH: process.env.PATH ?? "", HOME: directory };
  const common = ["gateway", "--config", file, "--socket", daemon.socket];
  return tsmcp([...common, ...args], { env, workspace: directory });
}

test("--check asks every upstream, and listens nowhere", async () => {
  const upstreams = {
    notes,
    whoami: { builtin: "whoami" },
    off: { url: "http://127.0.0.1:1/mcp", enabled: false },
  } as const;
  const { exitCode, stdout } = await gateway({ upstreams }, ["--check"]);
  expect(stdout).toMatch(/^PASS config: .*\nPASS tailscaled: 1\.102\.5, Running\n/);
  expect(stdout).toMatch(/PASS upstream\.notes: \d+ tools, legacy era\n/);
  expect(stdout).toMatch(/PASS upstream\.whoami: 1 tools/);
  expect(stdout).not.toContain("upstream.off");
  expect(exitCode).toBe(0);
});

test.each([
  ["1.90.9", 1, "needs tailscaled 1.92 or newer, and this one is 1.90.9"],
  ["1.92.0", 0, ""],
])("one listener behind tailscaled %s is exit %i", async (version, exit, message) => {
  const config = { upstreams: { whoami: { builtin: "whoami" } }, listen: { single: "127.0.0.1:0" } } as const;
  const { exitCode, stderr } = await gateway(config, ["--check"], version);
  expect(stderr).toContain(message);
  expect(exitCode).toBe(exit);
});

test.each([
  ["1.98.10", 1, "gateway.service needs tailscaled 1.100 or newer, and this one is 1.98.10"],
  ["1.100.0", 0, ""],
])("grants to a Service, told by tailscaled %s, are exit %i", async (version, exit, message) => {
  const config = { upstreams: { whoami: { builtin: "whoami" } }, service: "svc:notes" } as const;
  const { exitCode, stderr } = await gateway(config, ["--check"], version);
  expect(stderr).toContain(message);
  expect(exitCode).toBe(exit);
});

test("--check fails where an upstream does not answer", async () => {
  const upstreams = { notes: { command: process.execPath, args: ["-e", "process.exit(1)"] } };
  const { exitCode, stdout } = await gateway({ upstreams }, ["--check", "--json"]);
  expect(JSON.parse(stdout).checks.at(-1)).toMatchObject({ id: "upstream.notes", status: "fail" });
  expect(exitCode).toBe(1);
});

test("--check compares what the internet may call with its pin", async () => {
  const greet = { name: "echo", inputSchema: { type: "object" } };
  const url = "https://node.tail.ts.net:8443/mcp/notes";
  const server = { url, protocolVersion: "2025-11-25", serverInfo: {}, capabilities: {} };
  const lock = { version: 1, servers: { notes: { ...server, tools: [greet, { ...greet, name: "gone" }] } } };
  const file = join(temporaryDirectory(), "lock.json");
  writeFileSync(file, JSON.stringify(lock));
  const publicTools = ["notes/echo", "notes/gone"];
  const { exitCode, stdout } = await gateway({ upstreams: { notes }, publicTools }, ["--check", "--lock", file]);
  expect(stdout).toContain(
    "PASS public.notes/echo: is what was pinned\nFAIL public.notes/gone: the server has no such",
  );
  expect(exitCode).toBe(1);
});

test.each([
  ["nothing to serve", {}, [], "there is no upstream to serve"],
  ["a tool for the internet", { upstreams: { notes }, publicTools: ["notes/echo"] }, [], "gateway.publicTools"],
  [
    "an address that others reach",
    { upstreams: { notes }, listen: { private: "0.0.0.0:1" } },
    [],
    "gateway.listen.private",
  ],
  [
    "an admin port that a userspace tailscaled leads to",
    { upstreams: { notes }, listen: { admin: "127.0.0.1:9090" } },
    [],
    "the tailnet reaches ports of loopback through this tailscaled",
  ],
  ["a program without a name", { upstreams: { notes } }, ["--", "true"], "belongs to no --upstream"],
])("%s is exit 2", async (_what, config, args, message) => {
  const { exitCode, stderr, stdout } = await gateway(config, args);
  expect(stderr).toContain(message);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
});
