import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type ExposeMachine, type ExposeScene, stands, startExposeScene } from "./expose-scene.ts";
import { sightOf } from "./gateway-process.ts";
import { processesNaming, textOf } from "./tsmcp.ts";

let scene: ExposeScene;

beforeAll(async () => {
  scene = await startExposeScene();
});

afterEach(() => scene.withdraw());

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

function seen({ node }: ExposeMachine) {
  return sightOf(scene.tailnet, { url: `https://${node.dnsName}:8443/mcp`, from: scene.agent });
}

/** The process that has the gateway. */
function ownerOf(machine: ExposeMachine): number {
  const found = processesNaming("--detached").filter(({ argv }) => argv.includes(machine.url));
  const mine = found.filter(({ pid }) => textOf(`/proc/${pid}/environ`).includes(`HOME=${machine.home}\0`));
  if (mine.length !== 1) throw new Error(`${mine.length} processes`);
  return mine[0]?.pid ?? 0;
}

test("in the background it stands until --off, and a second run keeps it and proves it again", async () => {
  const machine = await scene.machine();
  const first = await machine.run([machine.url, "--bg"]);
  expect(first).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(stands) });
  expect(first.stderr).toContain("proof: pass");
  const owner = ownerOf(machine);
  expect((await seen(machine)).tools).toEqual(scene.upstream.tools);

  const second = await machine.run([machine.url, "--bg"]);
  expect(second).toMatchObject({ exitCode: 0, stdout: first.stdout });
  expect(second.stderr).toContain("kept: it stands already");
  expect(ownerOf(machine)).toBe(owner);

  const off = await machine.run(["--off"]);
  expect(off).toMatchObject({ exitCode: 0, stdout: `what was exposed by process ${owner} was taken away\n` });
  expect(await machine.serves()).toEqual({});
  expect(() => ownerOf(machine)).toThrow("0 processes");
  expect(await machine.run(["--off"])).toMatchObject({ exitCode: 0, stdout: "nothing is exposed here\n" });
});

test("it survives a tailscaled that is started again", async () => {
  const machine = await scene.machine();
  expect((await machine.run([machine.url, "--bg", "--no-funnel"])).exitCode).toBe(0);
  await machine.node.kill();
  await machine.node.restart();
  const tools = async (): Promise<readonly string[]> => (await seen(machine).catch(() => ({ tools: [] }))).tools;
  await expect.poll(tools).toEqual(scene.upstream.tools);
});

test("another exposure in the background takes the place of the one before", async () => {
  const machine = await scene.machine();
  expect((await machine.run([machine.url, "--bg"])).exitCode).toBe(0);
  const owner = ownerOf(machine);
  const other = await machine.run([machine.url, "--bg", "--no-funnel", "--json"]);
  expect(other.exitCode).toBe(0);
  expect(other.stderr).toContain("makes room");
  expect(ownerOf(machine)).not.toBe(owner);
  expect(JSON.stringify(await machine.serves())).not.toContain("AllowFunnel");
  const foreground = await machine.run([machine.url]);
  expect(foreground).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("is exposed already") });
});

test("one that was killed is mended by the next run, in the foreground too, and by --off", async () => {
  const machine = await scene.machine();
  for (const next of ["--off", "--bg", "foreground"]) {
    expect((await machine.run([machine.url, "--bg"])).exitCode).toBe(0);
    process.kill(ownerOf(machine), "SIGKILL");
    if (next === "--off") {
      const off = await machine.run(["--off"]);
      expect(off.stdout).toBe("what was exposed was taken away (2 handlers it had left)\n");
      expect(await machine.serves()).toEqual({});
    } else if (next === "--bg") {
      expect(await machine.run([machine.url, "--bg"])).toMatchObject({
        exitCode: 0,
        stderr: expect.stringContaining("leftovers: done (2 handlers"),
      });
      process.kill(ownerOf(machine), "SIGKILL");
    } else {
      const running = machine.start([machine.url]);
      await running.says(stands);
      expect((await running.end()).exitCode).toBe(0);
      expect(await machine.serves()).toEqual({});
    }
  }
});

test("what the process says that went wrong is said by the command", async () => {
  const machine = await scene.machine();
  const { exitCode, stdout } = await machine.run(["http://127.0.0.1:1/mcp", "--bg", "--json"]);
  expect({ exitCode, ...JSON.parse(stdout) }).toMatchObject({
    exitCode: 1,
    status: "refused",
    refusals: [{ id: "upstream.failing" }],
  });
  expect(await machine.serves()).toEqual({});
});

test("Ctrl-C while it begins undoes it", async () => {
  const machine = await scene.machine();
  const running = machine.start([machine.url, "--bg"]);
  await running.says("funnel: done");
  expect((await running.end()).exitCode).toBe(130);
  expect(await machine.serves()).toEqual({});
  expect(() => ownerOf(machine)).toThrow("0 processes");
});
