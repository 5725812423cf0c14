import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { GatewayConfig } from "../../src/config/config.ts";
import type { DoctorReport } from "../../src/doctor/run-doctor.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { answered, expose, type GatewayProcess, post, sightOf, startGateway } from "./gateway-process.ts";
import { textOf, tsmcp } from "./tsmcp.ts";

let tailnet: Tailnet;
let server: TailnetNode;
let agent: TailnetNode;

const program = fileURLToPath(new URL("../peers/stdio-server.mjs", import.meta.url));

beforeAll(async () => {
  tailnet = await startTailnet();
  [server, agent] = await Promise.all([
    tailnet.startNode({ hostname: "server", tags: ["tag:server"], funnel: true }),
    tailnet.startNode({ hostname: "agent", tags: ["tag:agent"] }),
  ]);
});
afterAll(async () => {
  await tailnet?.close();
});

async function gatewayIn(home: string, gateway: GatewayConfig): Promise<GatewayProcess> {
  const upstreams = {
    notes: { command: process.execPath, args: [program, "legacy", join(home, "marks")] },
    whoami: { builtin: "whoami" },
  } as const;
  const started = await startGateway(tailnet, server, { home, gateway: { upstreams, ...gateway } });
  await expose(server, started.json);
  return started;
}

/** The doctor on the agent's machine, told that `echo` is meant to be public. */
async function doctor(home: string, args: readonly string[]) {
  const config = join(home, "doctor.json");
  const notes = { tailnetUrl: `https://${server.dnsName}:8443/mcp/notes`, expect: { publicTools: ["echo"] } };
  writeFileSync(config, JSON.stringify({ servers: { notes } }), { mode: 0o600 });
  const connectTo = tailnet.connectTo(server.dnsName).flatMap((rule) => ["--connect-to", rule]);
  const env = { ...tailnet.env(), HOME: home, TSMCP_PROXY: `http://${agent.proxy}`, TSMCP_SOCKET: agent.socket };
  return tsmcp(["doctor", "notes", "--json", "--config", config, ...args, ...connectTo], { env, workspace: home });
}

test("a tool that the doctor pinned is opened, alone and loudly, and the doctor passes it", async () => {
  const home = tailnet.tempDir();
  const closed = await gatewayIn(home, {});
  const lock = join(home, "tsmcp.lock.json");
  await doctor(home, ["--update-lock", "--lock", lock, "--only", "tailnet.lock"]);
  expect(JSON.parse(textOf(lock)).servers.notes.tools.length).toBeGreaterThan(3);
  await closed[Symbol.asyncDispose]();

  const gateway = await gatewayIn(home, { publicTools: ["notes/echo"] });
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  expect(gateway.log()).toContain("OPEN TO THE INTERNET: anybody may call the tool echo of notes");
  expect(gateway.json.publicTools).toEqual(["notes/echo"]);

  const url = `https://${server.dnsName}/mcp/notes`;
  expect(await sightOf(tailnet, { url })).toEqual({ server: "tsmcp-public", session: undefined, tools: ["echo"] });
  const call = (to: string, name: string, args: object) => {
    const params = { name, arguments: args };
    return answered(post(tailnet, { url: to }, { jsonrpc: "2.0", id: 3, method: "tools/call", params }));
  };
  expect((await call(url, "echo", { text: "hello" })).json.result).toEqual({
    content: [{ type: "text", text: "hello" }],
  });
  const before = textOf(join(home, "marks"));
  const refused = { jsonrpc: "2.0", id: 3, error: { code: -32601, message: "Method not found" } };
  for (const [to, name] of [
    [url, "pid"],
    [`https://${server.dnsName}/mcp/whoami`, "greet"],
    [`https://${server.dnsName}/mcp/whoami`, "echo"],
    [`https://${server.dnsName}/mcp`, "echo"],
  ] as const) {
    expect((await call(to, name, { mark: "reached" })).json).toEqual(refused);
  }
  expect(textOf(join(home, "marks"))).toBe(before);
  const inside = await sightOf(tailnet, { url: `https://${server.dnsName}:8443/mcp/notes`, from: agent });
  expect(inside.tools).toEqual(expect.arrayContaining(["echo", "pid"]));

  const { exitCode, stdout } = await doctor(home, ["--lock", lock]);
  const { verdict, checks }: DoctorReport = JSON.parse(stdout);
  const sides = checks.filter(({ group }) => ["tailnet", "public", "separation"].includes(group));
  expect(sides.filter(({ status }) => status !== "pass" && status !== "skip")).toEqual([]);
  expect({ verdict, exitCode }).toEqual({ verdict: "pass", exitCode: 0 });
});

test("a tool that changed since it was pinned is not served to the internet", async () => {
  const home = tailnet.tempDir();
  const pinned = { name: "echo", description: "as it was when somebody looked", inputSchema: { type: "object" } };
  const url = `https://${server.dnsName}:8443/mcp/notes`;
  const notes = { url, protocolVersion: "2025-11-25", serverInfo: {}, capabilities: {}, tools: [pinned] };
  writeFileSync(join(home, "tsmcp.lock.json"), JSON.stringify({ version: 1, servers: { notes } }));
  const gateway = await gatewayIn(home, { publicTools: ["notes/echo"] });
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  const outside = { url: `https://${server.dnsName}/mcp/notes` };
  const params = { name: "echo", arguments: { mark: "reached", text: "t" } };
  const called = await answered(post(tailnet, outside, { jsonrpc: "2.0", id: 3, method: "tools/call", params }));
  expect(called.json.error).toEqual({ code: -32601, message: "Method not found" });
  expect((await sightOf(tailnet, outside)).tools).toEqual([]);
  expect(gateway.log()).toContain("notes (public)/echo is closed to the internet");
  expect(textOf(join(home, "marks"))).not.toContain("reached");
});
