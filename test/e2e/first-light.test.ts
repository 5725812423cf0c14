import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioV2 } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort, isListening } from "../../src/net/listening.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { until } from "../tailnet/harness/until.ts";
import { type Machine, machineOn, type Outcome, processesNaming, statuses, tsmcp } from "./tsmcp.ts";

const everything = fileURLToPath(
  new URL("../../node_modules/@modelcontextprotocol/server-everything/dist/index.js", import.meta.url),
);

let tailnet: Tailnet;
let server: TailnetNode;
let backend: ChildProcess;
let target: string;
let vm: Machine;
let joined: Outcome;

beforeAll(async () => {
  tailnet = await startTailnet();
  const port = await freePort();
  const env = { PATH: process.env.PATH, PORT: String(port) };
  backend = spawn(process.execPath, [everything, "streamableHttp"], { env, stdio: "ignore" });
  server = await tailnet.startNode({ hostname: "tools", tags: ["tag:server"] });
  target = `http://127.0.0.1:${port}`;
  await server.serve({ port: 8443, target });
  await until({ what: "server-everything" }, async () =>
    (await isListening({ host: "127.0.0.1", port })) ? true : undefined,
  );
  vm = machineOn(tailnet);
  joined = await tsmcp(upArguments(), vm, { TS_AUTHKEY: await tailnet.createKey({ tags: ["tag:agent"] }) });
});

afterAll(async () => {
  const down = await tsmcp(["down"], vm);
  backend?.kill("SIGKILL");
  expect(await tailnet?.close()).toEqual([]);
  expect(down.exitCode).toBe(0);
});

function upArguments(path = "/mcp", publicSide = tailnet.connectTo(server.dnsName)): string[] {
  const connectTo = publicSide.flatMap((option) => ["--connect-to", option]);
  return ["up", "--json", "--server", `notes=https://${server.dnsName}:8443${path}`, "--agent", "cursor", ...connectTo];
}

/** The command that stands in the agent's file, with what an agent gives it: PATH, HOME and here the test authority. */
function commandInFile(): { command: string; args: string[]; env: Record<string, string> } {
  const text = readFileSync(join(vm.workspace, ".cursor/mcp.json"), "utf8");
  const { command, args } = JSON.parse(text).mcpServers.notes;
  return { command, args, env: { PATH: process.env.PATH ?? "", HOME: vm.home, NODE_EXTRA_CA_CERTS: tailnet.caFile } };
}

describe("after up in an empty home", () => {
  test("every step is done and the server is proven", () => {
    expect({ exitCode: joined.exitCode, stderr: joined.stderr }).toMatchObject({ exitCode: 0 });
    expect(statuses(joined)).toMatchObject({ login: "done", proxy: "done", "agent-config": "done", verify: "done" });
  });

  test("the official v1 client calls a tool by the command in the agent's file", async () => {
    const client = new ClientV1({ name: "agent", version: "1" });
    await client.connect(new StdioV1(commandInFile()));
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("echo");
    const result = await client.callTool({ name: "echo", arguments: { message: "hello" } });
    expect(result).toMatchObject({ content: [{ type: "text", text: "Echo: hello" }] });
    await client.close();
  });

  test("the official v2 client calls a tool by the command in the agent's file", async () => {
    const client = new ClientV2({ name: "agent", version: "1" });
    await client.connect(new StdioV2(commandInFile()));
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("echo");
    const result = await client.callTool({ name: "echo", arguments: { message: "hello" } });
    expect(result).toMatchObject({ content: [{ type: "text", text: "Echo: hello" }] });
    await client.close();
  });

  test("up again keeps every step, the proof included", async () => {
    const again = await tsmcp(upArguments(), vm);
    expect(again.exitCode).toBe(0);
    expect(new Set(Object.values(statuses(again)))).toEqual(new Set(["kept", "skipped"]));
  });

  test("a server that cannot be proven is a warning", async () => {
    const babbler = createServer((socket) => void socket.end("no TLS\n")).listen(0, "127.0.0.1");
    await once(babbler, "listening");
    const address = babbler.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const unknown = await tsmcp(upArguments("/mcp", [`${server.dnsName}:443:127.0.0.1:${port}`]), vm);
    babbler.close();
    expect(unknown.exitCode).toBe(0);
    expect(unknown.stderr).toContain("tsmcp: warning: the servers could not be proven: ");
  });

  test("a server without that path is exit 1, and the node stays up", async () => {
    const misspelt = await tsmcp(upArguments("/nothing-here"), vm);
    expect(misspelt.exitCode).toBe(1);
    expect(statuses(misspelt)).toMatchObject({ login: "kept", verify: "failed" });
    expect((await tsmcp(["status"], vm)).exitCode).toBe(0);
  });

  test("a server that the internet can use is exit 1, and the node stays up", async () => {
    const pids = processesNaming(vm.home).map(({ pid }) => pid);
    await server.funnel({ port: 443, target });
    const failed = await tsmcp(upArguments(), vm);
    expect(failed.exitCode).toBe(1);
    expect(statuses(failed)).toMatchObject({ login: "kept", verify: "failed" });
    expect(failed.stderr).toContain("tsmcp: verify: failed (public.tools: ");
    expect((await tsmcp(["status"], vm)).exitCode).toBe(0);
    expect(processesNaming(vm.home).map(({ pid }) => pid)).toEqual(pids);
  });
});
