import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioV2 } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeRecord } from "../../src/core/record.ts";
import { freePort, isListening } from "../../src/net/listening.ts";
import { rawAgent } from "../fakes/bridge.ts";
import { listen } from "../fakes/listening.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { until } from "../tailnet/harness/until.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const everything = join(root, "node_modules/@modelcontextprotocol/server-everything/dist/index.js");

let tailnet: Tailnet;
let server: TailnetNode;
let vm: TailnetNode;
let everythingLog = "";
let everythingProcess: ChildProcess;
const children: ChildProcess[] = [];

beforeAll(async () => {
  tailnet = await startTailnet();
  const port = await freePort();
  everythingProcess = spawn(process.execPath, [everything, "streamableHttp"], {
    env: { PATH: process.env.PATH, PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [everythingProcess.stdout, everythingProcess.stderr]) {
    stream?.on("data", (chunk) => {
      everythingLog += String(chunk);
    });
  }
  [server, vm] = await Promise.all([
    tailnet.startNode({ hostname: "tools" }),
    tailnet.startNode({ hostname: "vm", tags: ["tag:agent"] }),
  ]);
  await server.serve({ port: 8443, target: `http://127.0.0.1:${port}` });
  await until({ what: "server-everything", log: () => everythingLog }, async () =>
    (await isListening({ host: "127.0.0.1", port })) ? true : undefined,
  );
});

afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  everythingProcess?.kill("SIGKILL");
  await tailnet?.close();
});

/** What an agent gives its servers: PATH and HOME, and here the test authority. */
function environment(home: string): Record<string, string> {
  return { PATH: process.env.PATH ?? "", HOME: home, NODE_EXTRA_CA_CERTS: tailnet.caFile };
}

/** A home in which `up` told where the proxy is. */
function homeWithRecord(): string {
  const home = tailnet.tempDir();
  recordProxy(home, vm.proxy);
  return home;
}

function recordProxy(home: string, proxy: string): void {
  const [host = "", port = ""] = proxy.split(":");
  const record = { version: 1, socket: vm.socket, stateDir: vm.stateDir, entries: [], exports: [] } as const;
  writeRecord({ env: { HOME: home } }, { ...record, proxy: { host, port: Number(port) } });
}

const url = (): string => `https://${server.dnsName}:8443/mcp`;
const command = (home: string) => ({
  command: process.execPath,
  args: [join(root, "bin/tsmcp"), "bridge", url()],
  env: environment(home),
});

/** The bridge as a raw process, for what the SDKs hide. */
function startRaw(home: string, args: readonly string[] = [url()], cwd = home) {
  const child = spawn(process.execPath, [join(root, "bin/tsmcp"), "bridge", ...args], {
    cwd,
    env: environment(home),
    stdio: ["pipe", "pipe", "pipe"],
  });
  children.push(child);
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { child, ended, agent: rawAgent({ stdin: child.stdin, stdout: child.stdout }) };
}

describe("the bridge on the real tailnet", () => {
  it("gives the official v1 client the tools of server-everything, and leaves no session", async () => {
    const client = new ClientV1({ name: "agent", version: "1" });
    await client.connect(new StdioV1(command(homeWithRecord())));
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("echo");
    const result = await client.callTool({ name: "echo", arguments: { message: "hello" } });
    expect(result).toMatchObject({ content: [{ type: "text", text: "Echo: hello" }] });
    await client.close();
    await until({ what: "the DELETE", log: () => everythingLog }, async () =>
      /terminat/i.test(everythingLog) ? true : undefined,
    );
  });

  it.each(["legacy", "auto"] as const)("gives the official v2 client the tools in the mode %s", async (mode) => {
    const client = new ClientV2({ name: "agent", version: "1" }, { versionNegotiation: { mode } });
    await client.connect(new StdioV2(command(homeWithRecord())));
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("echo");
    const result = await client.callTool({ name: "echo", arguments: { message: "hello" } });
    expect(result).toMatchObject({ content: [{ type: "text", text: "Echo: hello" }] });
    await client.close();
  });

  it("makes 200 calls at once over one connection through the proxy", async () => {
    const { child, agent, ended } = startRaw(homeWithRecord());
    await agent.initialize();
    const calls = Array.from({ length: 200 }, (_, index) =>
      agent.ask("tools/call", { name: "echo", arguments: { message: `m${index}` } }),
    );
    const answers = await Promise.all(calls);
    expect(answers.every(({ result }, index) => JSON.stringify(result).includes(`Echo: m${index}"`))).toBe(true);
    expect(connectionsTo(vm.proxy, child.pid ?? 0)).toBe(1);
    child.stdin.end();
    expect(await ended).toBe(0);
    expect(agent.stray).toEqual([]);
  });

  it("waits for the tailnet that comes after it, on the port that is recorded then", async () => {
    const home = tailnet.tempDir();
    recordProxy(home, `127.0.0.1:${await freePort()}`);
    const { child, agent, ended } = startRaw(home, [url(), "--verbose"]);
    let talk = "";
    child.stderr.on("data", (chunk) => {
      talk += String(chunk);
    });
    const opened = agent.initialize();
    await until({ what: "the bridge to wait", log: () => talk }, async () =>
      talk.includes("waiting") ? true : undefined,
    );
    recordProxy(home, vm.proxy);
    expect((await opened).result).toBeDefined();
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
  });

  it("dials a server that a repository names when it is in this tailnet, and never one that is elsewhere", async () => {
    const home = homeWithRecord();
    const repository = join(home, "repository");
    const start = (host: string) => {
      const servers = { tools: { tailnetUrl: `https://${host}:8443/mcp` } };
      mkdirSync(repository, { recursive: true });
      writeFileSync(join(repository, "tsmcp.config.json"), JSON.stringify({ servers }));
      return startRaw(home, ["tools"], repository);
    };
    const own = start(server.dnsName);
    expect((await own.agent.initialize()).result).toBeDefined();
    own.child.stdin.end();
    expect(await own.ended).toBe(0);
    const foreign = start("localhost.example.com");
    let talk = "";
    foreign.child.stderr.on("data", (chunk) => {
      talk += String(chunk);
    });
    expect(await foreign.ended).toBe(2);
    expect(talk).toContain("not in this node's tailnet");
  });

  it("goes through SOCKS5 where that is what the proxy speaks", async () => {
    const { child, agent, ended } = startRaw(tailnet.tempDir(), [url(), "--proxy", `socks5h://${vm.proxy}`]);
    expect((await agent.initialize()).result).toBeDefined();
    expect((await agent.ask("tools/list")).result).toBeDefined();
    child.stdin.end();
    expect(await ended).toBe(0);
  });

  // WireGuard may take some seconds to shake hands with a node that came back.
  it("goes on in the same session after the machine's own tailscaled was restarted", async () => {
    const { child, agent, ended } = startRaw(homeWithRecord(), [url(), "--connect-timeout", "120s"]);
    await agent.initialize();
    await agent.ask("tools/list");
    await vm.stop();
    const waiting = agent.ask("tools/list");
    await vm.restart();
    expect((await waiting).result).toBeDefined();
    const echoed = await agent.ask("tools/call", { name: "echo", arguments: { message: "after" } });
    expect(echoed).toMatchObject({ result: { content: [{ text: "Echo: after" }] } });
    child.stdin.end();
    expect(await ended).toBe(0);
  });

  it("lets a call through that 300 stalled ones and three uploads that nobody reads would hold up", async () => {
    const backend = createServer((request, response) => {
      // An upload that is never read fills what tailscaled grants to the whole connection.
      if (Number(request.headers["content-length"]) > 1_000_000) return;
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => answerOrStall(Buffer.concat(chunks).toString(), response));
    });
    const port = await listen(backend);
    await server.serve({ port: 8444, target: `http://127.0.0.1:${port}` });
    const place = `https://${server.dnsName}:8444/mcp`;
    const { child, agent, ended } = startRaw(homeWithRecord(), [place, "--max-in-flight", "1000"]);
    try {
      await agent.initialize();
      const data = "x".repeat(5_000_000);
      for (let count = 0; count < 3; count++)
        agent.send({ id: `upload-${count}`, method: "tools/call", params: { data } });
      for (let count = 0; count < 300; count++) agent.send({ id: `stalls-${count}`, method: "tools/call", params: {} });
      expect(await agent.ask("tools/list")).toMatchObject({ result: { tools: [] } });
      expect(await agent.ask("tools/list")).toMatchObject({ result: { tools: [] } });
      expect(connectionsTo(vm.proxy, child.pid ?? 0)).toBeLessThanOrEqual(4);
      child.kill("SIGTERM");
      expect(await ended).toBe(0);
    } finally {
      backend.closeAllConnections();
      backend.close();
    }
  });

  it("tells a port where nobody serves with tailscaled's own reason", async () => {
    const closed = `https://${server.dnsName}:9/mcp`;
    const { child, agent, ended } = startRaw(homeWithRecord(), [closed, "--connect-timeout", "2s"]);
    expect((await agent.initialize()).result).toMatchObject({ serverInfo: { name: "tsmcp" } });
    const answer = await agent.ask("tools/call", { name: "echo" });
    expect(answer.error).toMatchObject({
      message: expect.stringContaining("refused"),
      data: { layer: "connect", target: `${server.dnsName}:9`, proxy: `http://${vm.proxy}` },
    });
    child.stdin.end();
    expect(await ended).toBe(0);
  });
});

/** A server that answers everything but calls. */
function answerOrStall(text: string, response: ServerResponse): void {
  const { id, method } = text === "" ? { id: undefined, method: undefined } : JSON.parse(text);
  if (method === "tools/call") return;
  if (id === undefined) return void response.writeHead(method === undefined ? 405 : 202).end();
  const opened = {
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "s", version: "1" },
  };
  const result = method === "initialize" ? opened : { tools: [] };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, result }));
}

/** Connections that a process has to a proxy of this machine. Source: proc(5), `net/tcp`, 01 is ESTABLISHED. */
function connectionsTo(proxy: string, pid: number): number {
  const port = Number(proxy.split(":")[1]).toString(16).toUpperCase().padStart(4, "0");
  const own = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => socketOf(`/proc/${pid}/fd/${fd}`)));
  return readFileSync(`/proc/${pid}/net/tcp`, "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[2]?.endsWith(`:${port}`) && fields[3] === "01" && own.has(`socket:[${fields[9]}]`))
    .length;
}

function socketOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
