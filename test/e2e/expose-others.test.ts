import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ExposeScene, startExposeScene } from "./expose-scene.ts";
import { sightOf } from "./gateway-process.ts";
import { binDir, startProgram, tsmcp } from "./tsmcp.ts";

let scene: ExposeScene;

beforeAll(async () => {
  scene = await startExposeScene();
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

const theirs = ["serve", "--bg", "--yes", "--https=8443", "3000"];

test.each<[string, string[], string]>([
  ["takes all handlers away", ["serve", "reset"], "{}"],
  ["puts another target where ours is", theirs, "127.0.0.1:3000"],
  ["opens its port to the internet", ["funnel", "--bg", "--yes", "--https=8443", "--set-path=/x", "3000"], "/x"],
])("in the background it ends when somebody %s, and leaves theirs", async (_what, args, left) => {
  const machine = await scene.machine();
  expect((await machine.run([machine.url, "--bg"])).exitCode).toBe(0);
  expect((await machine.node.tailscale(args)).exitCode).toBe(0);
  const status = async () => (await tsmcp(["status"], { env: machine.env, workspace: machine.home })).stdout;
  await expect.poll(status, { timeout: 60_000 }).not.toContain("exposed");
  const serves = JSON.stringify(await machine.serves());
  expect(serves).toContain(left);
  expect(serves).not.toContain("unix:");
  expect((await machine.run(["--off"])).stdout).toBe("nothing is exposed here\n");
});

test("a second run makes anew what somebody has replaced meanwhile, beside theirs, and --off leaves that", async () => {
  const machine = await scene.machine();
  expect((await machine.run([machine.url, "--bg"])).exitCode).toBe(0);
  await machine.node.tailscale(theirs);
  const again = await machine.run([machine.url, "--bg"]);
  expect({ exitCode: again.exitCode, stderr: again.stderr }).toEqual({
    exitCode: 0,
    stderr: expect.stringContaining("proof: pass"),
  });
  const url = `https://${machine.node.dnsName}:8443/mcp`;
  expect((await sightOf(scene.tailnet, { url, from: scene.agent })).tools).toEqual(scene.upstream.tools);
  expect((await machine.run(["--off"])).exitCode).toBe(0);
  const [port] = Object.keys(((await machine.serves()) as { TCP: object }).TCP);
  expect({ port, serves: JSON.stringify(await machine.serves()) }).toEqual({
    port: "8443",
    serves: expect.not.stringContaining("/mcp"),
  });
});

test.runIf(process.getuid?.() === 0)("a full disk is told before anything is set", async () => {
  const machine = await scene.machine();
  const fill = `mount -t tmpfs -o size=16k none '${machine.home}'; head -c 64k /dev/zero > '${machine.home}/fill' 2>/dev/null || :`;
  const script = `${fill}; exec "$0" "$@"`;
  for (const args of [[], ["--bg"]]) {
    const argv = [process.execPath, join(binDir, "tsmcp"), "expose", machine.url, ...args];
    const there = startProgram("unshare", ["-m", "sh", "-c", script, ...argv], { env: machine.env, workspace: "/" });
    const { exitCode, stderr } = await there.outcome;
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringMatching(/^tsmcp: error: .*(no space left on device|ENOSPC).*\ntsmcp: hint: [^\n]+\n$/),
    });
    expect(await machine.serves()).toEqual({});
  }
});
