import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Everything, startEverything } from "../tailnet/harness/everything.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { binDir, type Machine, machineOn, tsmcp } from "./tsmcp.ts";

let tailnet: Tailnet;
let everything: Everything;
let server: TailnetNode;
let machine: Machine;

beforeAll(async () => {
  tailnet = await startTailnet();
  const [vm] = await Promise.all([
    tailnet.startNode({ hostname: "vm", tags: ["tag:agent"] }),
    tailnet.startNode({ hostname: "tools" }).then((node) => (server = node)),
    startEverything(tailnet).then((started) => (everything = started)),
  ]);
  await server.serve({ port: 8443, target: everything.url });
  machine = machineOn(tailnet);
  const env = { ...machine.env, TSMCP_PROXY: `http://${vm.proxy}`, TSMCP_SERVER: `https://${server.dnsName}:8443` };
  machine = { ...machine, env };
});

afterAll(async () => {
  await everything?.close();
  await tailnet?.close();
});

/** With something on stdin, or a terminal's place taken by script(1). */
async function pipe(args: readonly string[], input: string): Promise<{ exitCode: number; stdout: Buffer }> {
  const child = spawn(process.execPath, [join(binDir, "tsmcp"), ...args], {
    cwd: machine.workspace,
    env: machine.env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(input);
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  const exitCode = await new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? -1)));
  return { exitCode, stdout: Buffer.concat(chunks) };
}

/** Through script(1), which gives it a terminal. */
async function onTerminal(command: string): Promise<string> {
  const child = spawn("script", ["-qec", `${process.execPath} ${join(binDir, "tsmcp")} ${command}`, "/dev/null"], {
    cwd: machine.workspace,
    env: { ...machine.env, TERM: "xterm" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return text(child.stdout);
}

describe("tools and call on the real tailnet", () => {
  it("lists the tools of server-everything, and calls one, from a shell", async () => {
    const listed = await tsmcp(["tools"], machine);
    expect(listed).toMatchObject({ exitCode: 0, stderr: "" });
    const names = JSON.parse(listed.stdout).tools.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(["echo", "get-sum", "get-tiny-image"]));
    const called = await tsmcp(["call", "echo", '{"message":"hello"}'], machine);
    expect(JSON.parse(called.stdout)).toEqual({ content: [{ type: "text", text: "Echo: hello" }] });
  });

  it("shows the same to a terminal as text", async () => {
    expect(await onTerminal("tools")).toMatch(/^echo message +\S/m);
    expect(await onTerminal(`call get-sum '{"a":2,"b":3}'`)).toBe("The sum of 2 and 3 is 5.\r\n");
    expect(await onTerminal("call get-tiny-image")).toContain("save it with --output FILE");
  });

  it("takes the arguments from stdin and from a file", async () => {
    const { exitCode, stdout } = await pipe(["call", "get-sum", "-"], '{"a": 20, "b": 22}');
    expect(exitCode).toBe(0);
    expect(stdout.toString()).toContain("The sum of 20 and 22 is 42.");
    writeFileSync(join(machine.workspace, "a.json"), '{"message":"from a file"}');
    expect((await tsmcp(["call", "echo", "@a.json"], machine)).stdout).toContain("Echo: from a file");
  });

  it("writes an image to a file, and to a pipe that asks for it", async () => {
    expect((await tsmcp(["call", "get-tiny-image", "--output", "tiny.png"], machine)).exitCode).toBe(0);
    const file = readFileSync(join(machine.workspace, "tiny.png"));
    expect(file.subarray(1, 4).toString()).toBe("PNG");
    expect((await pipe(["call", "get-tiny-image", "--output", "-"], "")).stdout).toEqual(file);
  });

  it("shows the progress of a long call, and gives it up at --timeout", async () => {
    const long = ["call", "trigger-long-running-operation"];
    const done = await tsmcp([...long, '{"duration":0.4,"steps":2}'], machine);
    expect(done.exitCode).toBe(0);
    expect(done.stderr).toContain("tsmcp: trigger-long-running-operation: 1/2");
    const late = await tsmcp([...long, '{"duration":600,"steps":2}', "--timeout", "1s"], machine);
    expect(late.exitCode).toBe(1);
    expect(late.stderr).toContain("did not end within 1s");
  });

  it("exits 2 with the nearest name, and for arguments that do not fit", async () => {
    const unknown = await tsmcp(["call", "get-smu", "{}"], machine);
    expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('did you mean "get-sum"?') });
    const wrong = await tsmcp(["call", "get-sum", '{"a":"two"}'], machine);
    expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('required property "b"') });
  });

  it("exits 1 and names the layer when there is no way", async () => {
    const { exitCode, stdout } = await tsmcp(["tools", "--json"], machine, { TSMCP_PROXY: "http://127.0.0.1:1" });
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "dial-failed", facts: { layer: "proxy" } } });
  });
});
