import { afterAll, beforeAll, expect, test } from "vitest";
import { type ExposeScene, stands, startExposeScene } from "./expose-scene.ts";
import { processesNaming } from "./tsmcp.ts";

let scene: ExposeScene;

beforeAll(async () => {
  scene = await startExposeScene();
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/** Every line that a run says, in their order, as far as one can be waited for. */
const steps = [
  "preflight: done",
  "gateway: done",
  "serve: done",
  "funnel: done",
  "certificate: done",
  "name: done",
  "proof: pass",
  stands,
];

test.each(steps)("killed at %j, it leaves nothing, and works when it is run again", async (step) => {
  const machine = await scene.machine();
  const killed = machine.start([machine.url]);
  await killed.says(step);
  expect((await killed.end("SIGKILL")).signal).toBe("SIGKILL");
  const again = machine.start([machine.url]);
  await again.says(stands);
  expect((await again.end()).exitCode).toBe(0);
  expect(await machine.serves()).toEqual({});
  await expect.poll(() => processesNaming(machine.home)).toEqual([]);
});

test("killed while it stands, it is served no longer, without another run", async () => {
  const machine = await scene.machine();
  const killed = machine.start([machine.url]);
  await killed.says(stands);
  await killed.end("SIGKILL");
  await expect.poll(() => machine.serves()).toEqual({});
});

test.each(["preflight: done", "serve: done", "name: done"])(
  "stopped at %j, it undoes what it has done",
  async (step) => {
    const machine = await scene.machine();
    const running = machine.start([machine.url]);
    await running.says(step);
    expect((await running.end()).exitCode).toBe(130);
    expect(await machine.serves()).toEqual({});
  },
);

test("of two at once, one exposes and the other says who does", async () => {
  const machine = await scene.machine();
  const first = machine.start([machine.url]);
  const second = machine.start([machine.url]);
  const loser = await Promise.race([first.outcome, second.outcome]);
  expect(loser).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("this node is exposed already") });
  const winner = first.child.exitCode === null ? first : second;
  await winner.says(stands);
  expect((await machine.run(["--off"])).stdout).toBe(
    `what was exposed by process ${winner.child.pid} was taken away\n`,
  );
  expect((await winner.outcome).exitCode).toBe(0);
  expect(await machine.serves()).toEqual({});
});

test("somebody who takes the handlers away ends it", async () => {
  const machine = await scene.machine();
  const running = machine.start([machine.url]);
  await running.says(stands);
  await machine.node.tailscale(["serve", "reset"]);
  expect(await running.outcome).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("is served no longer") });
  expect(await machine.serves()).toEqual({});
});

test("others who change the configuration all the time only slow it down", async () => {
  const machine = await scene.machine();
  let isOver = false;
  const others = (async () => {
    for (let port = 2_000; !isOver; port += 1) {
      await machine.node.tailscale(["serve", "--bg", "--https=10000", String(port)]);
    }
  })();
  const running = machine.start([machine.url]);
  await running.says(stands);
  isOver = true;
  await others;
  expect((await running.end()).exitCode).toBe(0);
  expect(Object.keys(((await machine.serves()) as { TCP: object }).TCP)).toEqual(["10000"]);
});
