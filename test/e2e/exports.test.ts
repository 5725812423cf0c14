import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startEcho } from "../tailnet/harness/echo.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { binDir, filesBelow, type Machine, machineOn, processesNaming, startTsmcp, tsmcp } from "./tsmcp.ts";

let tailnet: Tailnet;
let server: TailnetNode;
let echo: Awaited<ReturnType<typeof startEcho>>;
let vm: Machine;

beforeAll(async () => {
  tailnet = await startTailnet();
  server = await tailnet.startNode({ hostname: "server", tags: ["tag:server"] });
  echo = await startEcho();
  await server.serve({ port: 8443, target: echo.url });
});
afterEach(async () => {
  await tsmcp(["down"], vm);
  expect(processesNaming(vm.home)).toEqual([]);
});
afterAll(async () => {
  await echo?.[Symbol.asyncDispose]();
  expect(await tailnet?.close()).toEqual([]);
});

async function up(...args: string[]): Promise<void> {
  const key = await tailnet.createKey({ tags: ["tag:agent"] });
  const outcome = await tsmcp(["up", ...args], vm, { TS_AUTHKEY: key });
  expect({ exitCode: outcome.exitCode, stderr: outcome.stderr }).toMatchObject({ exitCode: 0 });
}

/** What a login on that machine has, and nothing of ours. */
function shellEnv(machine: Machine): Record<string, string> {
  const { HOME = "", PATH = "" } = machine.env;
  return { HOME, PATH: `${binDir}:${PATH}`, CURL_CA_BUNDLE: tailnet.caFile };
}

async function shell(file: string, args: readonly string[], env: Record<string, string>) {
  try {
    const { stdout, stderr } = await promisify(execFile)(file, args, { env, cwd: vm.workspace });
    return { exitCode: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { exitCode: code, stdout, stderr };
  }
}

const curl = (): string => `curl -sS --max-time 10 -o /dev/null -w '%{http_code}' https://${server.dnsName}:8443/`;
const proxies = "env | grep -i _proxy || :";

describe("tsmcp env", () => {
  test("lets stock curl reach the tailnet in a shell that evaluates it, and prints nothing when the proxy is gone", async () => {
    vm = machineOn(tailnet);
    await up();
    const env = shellEnv(vm);
    expect((await shell("sh", ["-c", curl()], env)).exitCode).not.toBe(0);
    const line = `set -eu; exports=$(tsmcp env); eval "$exports"; ${curl()}`;
    expect(await shell("sh", ["-c", line], env)).toEqual({ exitCode: 0, stdout: "200", stderr: "" });

    const json = await tsmcp(["env", "--json"], vm);
    const { TSMCP_PROXY: proxy } = JSON.parse(json.stdout);
    expect(proxy).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);

    const [daemon] = processesNaming(vm.home).filter(({ argv }) => argv.some((word) => word.startsWith("--statedir=")));
    process.kill(daemon?.pid ?? 0, "SIGKILL");
    const gone = await tsmcp(["env"], vm);
    expect([gone.exitCode, gone.stdout]).toEqual([1, ""]);
  });
});

describe("tsmcp run", () => {
  test("runs a program through the tailnet, with its exit code", async () => {
    vm = machineOn(tailnet);
    await up();
    const extra = { CURL_CA_BUNDLE: tailnet.caFile };
    const url = `https://${server.dnsName}:8443/`;
    const args = ["run", "--", "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", url];
    expect(await tsmcp(args, vm, extra)).toMatchObject({ exitCode: 0, stdout: "200", stderr: "" });
    expect((await tsmcp(["run", "--", "sh", "-c", "exit 7"], vm)).exitCode).toBe(7);
    expect((await tsmcp(["run", "--", "sh", "-c", "exit 1"], vm)).exitCode).toBe(1);
    expect((await tsmcp(["run", "--", "no-such-program"], vm)).exitCode).toBe(127);
    expect((await tsmcp(["run", "--", vm.workspace], vm)).exitCode).toBe(126);
    const killed = await tsmcp(["run", "sh", "-c", "kill -TERM $$"], vm);
    expect(killed.exitCode).toBe(143);
  });

  test("hands a signal on, and ends as the program does", async () => {
    vm = machineOn(tailnet);
    await up();
    const script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    const running = startTsmcp(["run", "--", "sh", "-c", script], vm);
    running.child.stdout?.once("data", () => running.child.kill("SIGTERM"));
    expect(await running.outcome).toMatchObject({ exitCode: 9, stdout: "ready\n" });
  });
});

describe("up --export profile", () => {
  const profiles = { ".bashrc": "case $- in *i*) ;; *) return ;; esac\nexport MINE=1", ".profile": "" };

  test("lets every new shell reach the tailnet, and leaves nothing after down", async () => {
    vm = machineOn(tailnet);
    for (const [name, text] of Object.entries(profiles)) writeFileSync(join(vm.home, name), text);
    const before = filesBelow(vm.home);
    await up("--export", "profile");
    const env = shellEnv(vm);
    const shells: [string, string[]][] = [
      ["sh", ["-l", "-c"]],
      ["bash", ["-l", "-c"]],
      ["bash", ["-i", "-c"]],
      ["/usr/bin/busybox", ["sh", "-l", "-c"]],
      ["/usr/bin/zsh", ["-c"]],
    ];
    const present = shells.filter(([file]) => !file.startsWith("/") || existsSync(file));
    for (const [file, args] of present) {
      expect([file, await shell(file, [...args, curl()], env)]).toMatchObject([file, { exitCode: 0, stdout: "200" }]);
    }
    const platform = { ...env, HTTPS_PROXY: "http://egress.example:3128" };
    const { stdout } = await shell("sh", ["-l", "-c", "env | grep -i _proxy | sort"], platform);
    expect(stdout).toMatch(/^HTTPS_PROXY=http:\/\/egress\.example:3128\nTSMCP_PROXY=http:\/\/127\.0\.0\.1:\d+\n$/);

    const again = await tsmcp(["up", "--export", "profile", "--json"], vm);
    expect(JSON.parse(again.stdout).steps).toContainEqual(expect.objectContaining({ id: "exports", status: "kept" }));

    expect((await tsmcp(["down"], vm)).exitCode).toBe(0);
    for (const [file, args] of present) {
      const { exitCode, stdout } = await shell(file, [...args, proxies], env);
      expect([file, exitCode, stdout]).toEqual([file, 0, ""]);
    }
    expect(filesBelow(vm.home)).toEqual(before);
    for (const [name, text] of Object.entries(profiles)) expect(readFileSync(join(vm.home, name), "utf8")).toBe(text);
  });

  test("exports nothing in a new shell when the daemon was killed", async () => {
    vm = machineOn(tailnet);
    await up("--export", "profile");
    const [daemon] = processesNaming(vm.home).filter(({ argv }) => argv.some((word) => word.startsWith("--statedir=")));
    process.kill(daemon?.pid ?? 0, "SIGKILL");
    expect(await shell("sh", ["-l", "-c", `set -eu; ${proxies}`], shellEnv(vm))).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "",
    });
  });

  test("is what a known agent VM gets when nothing is asked for", async () => {
    vm = machineOn(tailnet);
    const made = vm;
    vm = { ...made, env: { ...made.env, CURSOR_AGENT_SOCKET: "/run/cursor.sock" } };
    mkdirSync(join(vm.workspace, ".cursor"));
    await up();
    expect(readFileSync(join(vm.home, ".profile"), "utf8")).toContain("proxy.sh");
  });
});
