import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { GatewayConfig } from "../../src/config/config.ts";
import type { DoctorReport } from "../../src/doctor/run-doctor.ts";
import { everybodyReachesEverybody } from "../tailnet/harness/knobs.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { visit } from "../tailnet/harness/visit.ts";
import { send } from "../unit/gateway/front.ts";
import { answered, expose, type GatewayProcess, post, sightOf, startGateway } from "./gateway-process.ts";
import { textOf, tsmcp } from "./tsmcp.ts";

const capability = "example.com/cap/mcp";

let tailnet: Tailnet;
let server: TailnetNode;
/** A cloud agent's machine: tagged, so Serve tells nobody who it is. */
let agent: TailnetNode;
let alice: TailnetNode;
/** A person whom nothing was granted. */
let bob: TailnetNode;
/** Where the server behind the gateway writes each start and each call that reached it. */
let marks: string;

beforeAll(async () => {
  tailnet = await startTailnet();
  [server, agent, alice, bob] = await Promise.all([
    tailnet.startNode({ hostname: "server", tags: ["tag:server"], funnel: true }),
    tailnet.startNode({ hostname: "agent", tags: ["tag:agent"] }),
    tailnet.startNode({ hostname: "alice", user: "alice@example.com" }),
    tailnet.startNode({ hostname: "bob", user: "bob@example.com" }),
  ]);
  marks = join(tailnet.tempDir(), "marks");
  await tailnet.api.setGrants(grants);
});

afterAll(async () => {
  await tailnet?.close();
});

/** What every test finds, and leaves. */
const grants = [
  everybodyReachesEverybody,
  { src: ["tag:agent"], dst: ["tag:server"], app: { [capability]: [{ tools: ["*"] }] } },
];

/** For one test. */
async function gatewayWith(gateway: GatewayConfig): Promise<GatewayProcess> {
  const started = await startedWith(gateway);
  onTestFinished(() => started[Symbol.asyncDispose]());
  return started;
}

async function startedWith(gateway: GatewayConfig): Promise<GatewayProcess> {
  const upstreams = { notes: { command: process.execPath, args: [program, "legacy", marks] } };
  const started = await startGateway(tailnet, server, { home: tailnet.tempDir(), gateway: { upstreams, ...gateway } });
  await expose(server, started.json);
  return started;
}

const program = fileURLToPath(new URL("../peers/stdio-server.mjs", import.meta.url));
const rights: GatewayConfig = { capability, rules: [{ who: ["alice@example.com"], tools: ["ec*"] }] };

const listens: readonly (readonly [string, NonNullable<GatewayConfig["listen"]>])[] = [
  ["sockets", {}],
  ["ports of loopback", { private: "127.0.0.1:0", public: "127.0.0.1:0" }],
];

describe.each(listens)("on %s, everybody sees exactly their own:", (_kind, listen) => {
  let gateway: GatewayProcess;
  const privately = (): string => `https://${server.dnsName}:8443/mcp/notes`;

  beforeAll(async () => {
    gateway = await startedWith({ ...rights, listen });
  });
  afterAll(() => gateway?.[Symbol.asyncDispose]());

  test("a tagged agent what its grant gives", async () => {
    const sight = await sightOf(tailnet, { url: privately(), from: agent });
    expect(sight.server).toBe("stdio");
    expect(sight.tools).toEqual(expect.arrayContaining(["echo", "pid", "env"]));
  });

  test("a person what a rule gives, and is told what is missing for the rest", async () => {
    const asking = { url: privately(), from: alice };
    const sight = await sightOf(tailnet, asking);
    expect(sight.tools).toEqual(["echo"]);
    const before = textOf(marks);
    const headers = [`Mcp-Session-Id: ${sight.session}`];
    const call = (name: string) => {
      const params = { name, arguments: { mark: `alice ${name}`, text: "t" } };
      return answered(post(tailnet, { ...asking, headers }, { jsonrpc: "2.0", id: 3, method: "tools/call", params }));
    };
    const refused = await call("pid");
    expect(refused.json.error?.message).toContain(capability);
    expect((await call("echo")).json.result).toBeDefined();
    expect(textOf(marks).slice(before.length)).toBe("alice echo\n");
  });

  test("a person without a grant nothing, under a name that is not the internet's", async () => {
    expect(await sightOf(tailnet, { url: privately(), from: bob })).toEqual({
      server: "tsmcp-gateway",
      session: undefined,
      tools: [],
    });
  });

  test("the internet nothing, on every path", async () => {
    for (const path of ["/mcp/notes", "/mcp", "/mcp/other", "/", "/../mcp/notes", "/%2e%2e/mcp/notes"]) {
      const seen = await sightOf(tailnet, { url: `https://${server.dnsName}${path}` });
      expect(seen).toEqual({ server: "tsmcp-public", session: undefined, tools: [] });
    }
  });

  test("somebody inside the tailnet nothing on 443", async () => {
    const seen = await sightOf(tailnet, { url: `https://${server.dnsName}/mcp/notes`, from: agent });
    expect(seen).toEqual({ server: "tsmcp-public", session: undefined, tools: [] });
  });

  test("a session id nothing to the internet, to 443 and to another person", async () => {
    const { session } = await sightOf(tailnet, { url: privately(), from: agent });
    const headers = [`Mcp-Session-Id: ${session}`];
    const list = { jsonrpc: "2.0", id: 2, method: "tools/list" };
    const outside = await answered(post(tailnet, { url: `https://${server.dnsName}/mcp/notes`, headers }, list));
    expect(outside.json.result).toEqual({ tools: [] });
    const other = await answered(post(tailnet, { url: privately(), from: alice, headers }, list));
    expect(other.status).toBe(404);
  });
});

test("a peer that goes round Serve, and a local process, get nothing from the private port", async () => {
  const gateway = await gatewayWith({ ...rights, listen: { private: "127.0.0.1:0", public: "127.0.0.1:0" } });
  const port = new URL(gateway.json.private.target).port;
  const headers = [`X-Forwarded-For: ${agent.ip}`, "Tailscale-User-Login: alice@example.com"];
  for (const url of [`http://${server.dnsName}:${port}/mcp/notes`, `http://${server.dnsName}:${port}/mcp`]) {
    const seen = await sightOf(tailnet, { url, from: alice, headers });
    expect(seen).toEqual({ server: "tsmcp-public", session: undefined, tools: [] });
  }
  const local = await fetch(`http://127.0.0.1:${port}/mcp/notes`, {
    method: "POST",
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
    headers: { "content-type": "application/json", "x-forwarded-for": agent.ip },
  });
  expect(await local.json()).toEqual({ jsonrpc: "2.0", id: 1, result: { tools: [] } });
});

test.each([
  ["sockets", {}],
  ["ports of loopback", { private: "127.0.0.1:0", public: "127.0.0.1:0" }],
] as const)("the doctor passes the gateway on %s, with nothing to warn of", async (_kind, listen) => {
  await gatewayWith({ ...rights, listen });
  const connectTo = tailnet.connectTo(server.dnsName).flatMap((rule) => ["--connect-to", rule]);
  const home = tailnet.tempDir();
  const env = { ...tailnet.env(), HOME: home, TSMCP_PROXY: `http://${agent.proxy}`, TSMCP_SOCKET: agent.socket };
  const url = `https://${server.dnsName}:8443/mcp/notes`;
  const args = ["doctor", url, "--json", "--call-tool", 'echo={"text":"t"}', ...connectTo];
  const { exitCode, stdout } = await tsmcp(args, { env, workspace: home });
  const { verdict, checks, requests }: DoctorReport = JSON.parse(stdout);
  expect(requests).toBeLessThanOrEqual(170);
  const sides = checks.filter(({ group }) => ["tailnet", "public", "separation"].includes(group));
  const skipped = sides.filter(({ status }) => status === "skip").map(({ id }) => id);
  const onTheServersOwnHost = ["backend", "funnel", "loopback", "host-versions"].map((name) => `separation.${name}`);
  expect(skipped).toEqual(["tailnet.surplus", "tailnet.lock", ...onTheServersOwnHost]);
  expect(sides.filter(({ status }) => status !== "pass" && status !== "skip")).toEqual([]);
  expect({ verdict, exitCode }).toEqual({ verdict: "pass", exitCode: 0 });
});

test("a tailscaled that is killed costs no session", async () => {
  await gatewayWith(rights);
  const asking = { url: `https://${server.dnsName}:8443/mcp/notes`, from: agent };
  const { session } = await sightOf(tailnet, asking);
  await server.kill();
  await server.restart();
  const headers = [`Mcp-Session-Id: ${session}`];
  const list = async (): Promise<string> => {
    const visited = await post(tailnet, { ...asking, headers }, { jsonrpc: "2.0", id: 2, method: "tools/list" });
    return visited.kind === "answered" ? visited.body : visited.message;
  };
  await expect.poll(list).toContain('"name":"echo"');
});

test("rules that change hold at once, and a file that is broken changes nothing", async () => {
  const gateway = await gatewayWith({ ...rights, rules: [] });
  const asking = { url: `https://${server.dnsName}:8443/mcp/notes`, from: alice };
  expect((await sightOf(tailnet, asking)).tools).toEqual([]);
  const config = JSON.parse(textOf(gateway.configFile));
  const write = (rules: unknown): void => {
    const changed = { gateway: { ...config.gateway, rules } };
    writeFileSync(gateway.configFile, JSON.stringify(changed));
  };
  write([{ who: ["alice@example.com"], tools: ["pid"] }]);
  await expect.poll(async () => (await sightOf(tailnet, asking)).tools).toEqual(["pid"]);
  write("everybody");
  await expect.poll(() => gateway.log()).toContain("was changed and is not used");
  expect((await sightOf(tailnet, asking)).tools).toEqual(["pid"]);
});

test("a grant that is taken away takes the tools away", async () => {
  await gatewayWith(rights);
  const asking = { url: `https://${server.dnsName}:8443/mcp/notes`, from: bob };
  const grant = { src: ["bob@example.com"], dst: ["tag:server"], app: { [capability]: [{ tools: ["echo"] }] } };
  await tailnet.api.setGrants([...grants, grant]);
  await expect.poll(async () => (await sightOf(tailnet, asking)).tools).toEqual(["echo"]);
  await tailnet.api.setGrants(grants);
  await expect.poll(async () => (await sightOf(tailnet, asking)).tools).toEqual([]);
});

test("an open stream tells of a grant that is given and of one that is taken, and ends with the last", async () => {
  const gateway = await gatewayWith({ ...rights, listen: {} });
  const url = `https://${server.dnsName}:8443/mcp/notes`;
  const give = (tools: readonly string[]) =>
    tailnet.api.setGrants([
      ...grants,
      { src: ["bob@example.com"], dst: ["tag:server"], app: { [capability]: [{ tools }] } },
    ]);
  onTestFinished(() => tailnet.api.setGrants(grants));
  await give(["echo"]);
  await expect.poll(async () => (await sightOf(tailnet, { url, from: bob })).tools).toEqual(["echo"]);
  const { session } = await sightOf(tailnet, { url, from: bob });
  const heard = join(tailnet.tempDir(), "heard");
  const args = ["-N", "-o", heard, "-H", "accept: text/event-stream", "-H", `Mcp-Session-Id: ${session}`];
  const ended = visit(tailnet, { url, from: bob, args, timeoutMs: 50_000 });
  const admin = gateway.json.admin.listen.slice("unix:".length);
  const metrics = async () => (await send(admin, { method: "GET", path: "/metrics" })).text;
  await expect.poll(metrics).toContain("\ntsmcp_gateway_streams 1\n");
  const changes = () => textOf(heard).match(/^data: .*$/gm) ?? [];
  const change = `data: ${JSON.stringify({ jsonrpc: "2.0", method: "notifications/tools/list_changed" })}`;
  await give(["echo", "pid"]);
  await expect.poll(changes).toEqual([change]);
  const call = (name: string) => ({ jsonrpc: "2.0", id: 7, method: "tools/call", params: { name, arguments: {} } });
  const asking = { url, from: bob, headers: [`Mcp-Session-Id: ${session}`] };
  expect((await answered(post(tailnet, asking, call("pid")))).json).toMatchObject({ result: {} });
  await give(["pid"]);
  await expect.poll(changes).toEqual([change, change]);
  expect((await answered(post(tailnet, asking, call("echo")))).json).toMatchObject({ error: { code: 403 } });
  await tailnet.api.setGrants(grants);
  expect(await ended).toMatchObject({ kind: "answered", status: 200 });
  expect(changes()).toEqual([change, change, change]);
});

test("a stream that is open ends soon after the way it came is closed, or opened to the internet", async () => {
  const gateway = await gatewayWith(rights);
  const url = `https://${server.dnsName}:8443/mcp/notes`;
  const { session } = await sightOf(tailnet, { url, from: agent });
  const admin = gateway.json.admin.listen.slice("unix:".length);
  const stream = async () => {
    const args = ["-N", "-H", "accept: text/event-stream", "-H", `Mcp-Session-Id: ${session}`];
    const ended = visit(tailnet, { url, from: agent, args, timeoutMs: 90_000 });
    const metrics = async () => (await send(admin, { method: "GET", path: "/metrics" })).text;
    await expect.poll(metrics).toContain("\ntsmcp_gateway_streams 1\n");
    return { ended };
  };
  const first = await stream();
  await server.funnel({ port: 8443, target: gateway.json.private.target });
  expect(await first.ended).toMatchObject({ kind: "answered", status: 200 });
  const second = await stream();
  await server.tailscale(["funnel", "--https=8443", "--set-path=/", "off"]);
  expect(await second.ended).toMatchObject({ kind: "answered", status: 200 });
});
