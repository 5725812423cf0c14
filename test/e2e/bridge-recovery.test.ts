import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeRecord } from "../../src/core/record.ts";
import { rawAgent } from "../fakes/bridge.ts";
import { type CountingServer, startCountingServer } from "../fakes/counting-server.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { until } from "../tailnet/harness/until.ts";

const tsmcp = fileURLToPath(new URL("../../bin/tsmcp", import.meta.url));

let tailnet: Tailnet;
let host: TailnetNode;
let vm: TailnetNode;
let backend: CountingServer;
const children: ChildProcess[] = [];

beforeAll(async () => {
  tailnet = await startTailnet();
  backend = await startCountingServer(await tailnet.api.reservePort());
  [host, vm] = await Promise.all([
    tailnet.startNode({ hostname: "counting" }),
    tailnet.startNode({ hostname: "vm", tags: ["tag:agent"] }),
  ]);
  await host.serve({ port: 8443, target: `http://127.0.0.1:${backend.port}` });
});

afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await backend?.[Symbol.asyncDispose]();
  await tailnet?.close();
});

function record(home: string, node: TailnetNode): void {
  const [address = "", port = ""] = node.proxy.split(":");
  writeRecord(
    { env: { HOME: home } },
    {
      ...{ version: 1, socket: node.socket, stateDir: node.stateDir, entries: [], exports: [] },
      proxy: { host: address, port: Number(port) },
    },
  );
}

/** What comes back comes before this, on any machine. */
const options = ["--verbose", "--connect-timeout", "120s"];

/** A bridge in a session whose server's own stream is open. */
async function start() {
  const home = tailnet.tempDir();
  record(home, vm);
  const child = spawn(process.execPath, [tsmcp, "bridge", `https://${host.dnsName}:8443/mcp`, ...options], {
    env: { PATH: process.env.PATH ?? "", HOME: home, NODE_EXTRA_CA_CERTS: tailnet.caFile },
    stdio: ["pipe", "pipe", "pipe"],
  });
  children.push(child);
  let talk = "";
  child.stderr.on("data", (chunk) => {
    talk += String(chunk);
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const agent = rawAgent({ stdin: child.stdin, stdout: child.stdout });
  await agent.initialize();
  await agent.ask("tools/list");
  const says = (words: string): Promise<true> =>
    until({ what: JSON.stringify(words), log: () => talk }, async () => talk.includes(words) || undefined);
  const calls = (name: string, count = 20): Promise<Record<string, unknown>>[] =>
    Array.from({ length: count }, (_, index) =>
      agent.ask("tools/call", { name: "work", arguments: { mark: `${name} ${index}` } }),
    );
  return { home, child, agent, ended, says, calls };
}

const marks = (name: string): string[] => Array.from({ length: 20 }, (_, index) => `${name} ${index}`);
const executed = (name: string): string[] =>
  backend.executed
    .map(String)
    .filter((mark) => mark.startsWith(`${name} `))
    .toSorted();
const texts = (answers: readonly Record<string, unknown>[]): unknown[] =>
  answers.map(({ result }) => JSON.parse(JSON.stringify(result ?? { content: [{}] })).content[0].text);

describe("the bridge on the real tailnet loses nothing", () => {
  it("gives 20 of 20 results when the session has expired, each executed once", async () => {
    const { child, ended, calls } = await start();
    backend.expire();
    expect(texts(await Promise.all(calls("expired")))).toEqual(marks("expired"));
    expect(executed("expired")).toEqual(marks("expired").toSorted());
    expect(backend.sessions).toBe(1);
    child.stdin.end();
    expect(await ended).toBe(0);
    // A DELETE that takes its time is not waited for.
    await expect.poll(() => backend.sessions).toBe(0);
  });

  it("gives 20 of 20 results to calls that find the server restarting, each executed once", async () => {
    const { child, ended, says, calls } = await start();
    await backend.stop();
    await says("the stream of the server's own messages broke off");
    const waiting = calls("restarted");
    await says("HTTP 502");
    await backend.start();
    expect(texts(await Promise.all(waiting))).toEqual(marks("restarted"));
    expect(executed("restarted")).toEqual(marks("restarted").toSorted());
    child.stdin.end();
    expect(await ended).toBe(0);
  });

  it("says of 20 calls that a server took with it that they may have run, and runs none again", async () => {
    const { child, ended, agent, calls } = await start();
    backend.hold();
    const waiting = calls("taken");
    await until({ what: "20 calls to run" }, async () => executed("taken").length === 20 || undefined);
    await backend.stop();
    await backend.start();
    for (const { error } of await Promise.all(waiting)) expect(error).toMatchObject({ data: { mayHaveRun: true } });
    expect((await agent.ask("tools/list")).result).toEqual({ tools: [] });
    expect(executed("taken")).toEqual(marks("taken").toSorted());
    child.stdin.end();
    expect(await ended).toBe(0);
  });

  it("finds out that the server's machine has died without a word, and goes on when it is back", async () => {
    const { child, ended, agent, calls } = await start();
    backend.hold();
    const [waiting] = calls("silent", 1);
    await until({ what: "the call to run" }, async () => executed("silent").length === 1 || undefined);
    // Nothing closes and nothing is refused: as when a machine loses its power.
    process.kill(host.pid, "SIGSTOP");
    try {
      expect((await waiting)?.error).toMatchObject({
        data: { mayHaveRun: true, reason: expect.stringContaining("PING") },
      });
    } finally {
      process.kill(host.pid, "SIGCONT");
    }
    expect((await agent.ask("tools/list")).result).toEqual({ tools: [] });
    expect(executed("silent")).toEqual(["silent 0"]);
    child.stdin.end();
    expect(await ended).toBe(0);
  });

  it("moves to the proxy that was recorded while it ran, when its own is gone", async () => {
    const other = await tailnet.startNode({ hostname: "moved", tags: ["tag:agent"] });
    const { home, child, ended, agent } = await start();
    record(home, other);
    await vm.stop();
    expect((await agent.ask("tools/list")).result).toEqual({ tools: [] });
    child.stdin.end();
    expect(await ended).toBe(0);
  });
});
