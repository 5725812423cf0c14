import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { visit } from "../tailnet/harness/visit.ts";
import { type ExposeMachine, type ExposeScene, startExposeScene } from "./expose-scene.ts";
import { sightOf } from "./gateway-process.ts";
import { processesNaming, textOf, tsmcp } from "./tsmcp.ts";

let scene: ExposeScene;

beforeAll(async () => {
  scene = await startExposeScene();
});

afterEach(() => scene.withdraw());

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

const tools = ({ node }: ExposeMachine) =>
  sightOf(scene.tailnet, { url: `https://${node.dnsName}:8443/mcp`, from: scene.agent }).then((seen) => seen.tools);

const statusOf = async ({ env, home }: ExposeMachine): Promise<string> =>
  (await tsmcp(["status"], { env, workspace: home })).stdout;

/** As when the machine loses its power: nobody ends anything, and tailscaled comes back with its state. */
async function reboot(machine: ExposeMachine): Promise<void> {
  const ours = processesNaming("tsmcp").filter(({ pid }) =>
    textOf(`/proc/${pid}/environ`).includes(`HOME=${machine.home}\0`),
  );
  const helpers = processesNaming(`--socket=${machine.node.socket}`).filter(({ pid }) => pid !== machine.node.pid);
  await machine.node.kill();
  for (const { pid } of [...ours, ...helpers]) kill(pid);
  await machine.node.restart();
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended with another one.
  }
}

const exposed = (status: string): string | undefined => /^exposed +(.*)$/m.exec(status)?.[1];

test("after a reboot its sockets are nobody else's, and status, a second run and --off know", async () => {
  const machine = await scene.machine();
  expect((await machine.run([machine.url, "--bg"])).exitCode).toBe(0);
  expect(exposed(await statusOf(machine))).toMatch(/^by process \d+, in the background$/);
  for (const next of ["--bg", "--off"]) {
    const before = await machine.serves();
    await reboot(machine);
    expect(await machine.serves()).toEqual(before);
    const sockets = [...JSON.stringify(before).matchAll(/"unix:([^"]+)"/g)].map(([, path]) => path ?? "");
    expect(sockets.map((path) => statSync(dirname(path)).mode & 0o777)).toEqual([0o700, 0o700]);
    const [url, from] = [`https://${machine.node.dnsName}:8443/mcp`, scene.agent];
    await expect.poll(() => visit(scene.tailnet, { url, from })).toMatchObject({ status: 502 });
    expect(exposed(await statusOf(machine))).toBe(
      'no more: 2 handlers lead to a gateway that is gone; run "tsmcp expose --bg" again, or --off',
    );
    if (next === "--bg") {
      expect((await machine.run([machine.url, "--bg"])).exitCode).toBe(0);
      expect(await tools(machine)).toEqual(scene.upstream.tools);
    } else {
      expect(await machine.run(["--off"])).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining("2 handlers"),
      });
      expect(await machine.serves()).toEqual({});
      expect(exposed(await statusOf(machine))).toBeUndefined();
    }
  }
});

test("on loopback nothing is served after a reboot, because anybody could take the port", async () => {
  const machine = await scene.machine();
  const config = join(machine.home, "tsmcp.config.json");
  const listen = { private: "127.0.0.1:0", public: "127.0.0.1:0" };
  const gateway = { listen, upstreams: { notes: { url: machine.url } } };
  writeFileSync(config, JSON.stringify({ gateway }), { mode: 0o600 });
  expect((await machine.run(["--config", config, "--bg"])).exitCode).toBe(0);
  expect(await tools(machine)).toEqual(scene.upstream.tools);
  // tailscaled alone: it stands again.
  await machine.node.kill();
  await machine.node.restart();
  await expect.poll(() => tools(machine).catch(() => []), { timeout: 60_000 }).toEqual(scene.upstream.tools);
  await reboot(machine);
  expect(await machine.serves()).toEqual({});
  expect((await machine.run(["--config", config, "--bg"])).exitCode).toBe(0);
  expect(await tools(machine)).toEqual(scene.upstream.tools);
});

test("a dry run, --off and status write nothing", async () => {
  const machine = await scene.machine();
  mkdirSync(join(machine.home, "mine"));
  expect((await machine.run([machine.url, "--dry-run"])).exitCode).toBe(0);
  expect((await machine.run(["--off"])).exitCode).toBe(0);
  await statusOf(machine);
  expect(readdirSync(machine.home)).toEqual(["mine"]);
});
