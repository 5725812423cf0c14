import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { holdExclusively } from "../../../src/net/exclusive.ts";

let counter = 0;
function freshName(): string {
  counter += 1;
  return `tsmcp-test-${process.pid}-${counter}`;
}

test("a name is held by one at a time, and the next has it as soon as it is let go", async () => {
  const name = freshName();
  const first = await holdExclusively({ name, timeoutMs: 1_000 });
  let waited = 0;
  const second = holdExclusively({ name, timeoutMs: 10_000, onWait: () => (waited += 1) });
  const third = holdExclusively({ name, timeoutMs: 10_000, onWait: () => first?.release() });
  const winner = await Promise.race([second, third]);
  expect(winner).toBeDefined();
  winner?.release();
  for (const hold of await Promise.all([second, third])) hold?.release();
  expect(waited).toBe(1);
});

test("holdExclusively gives up when the time is over, and when it is told to", async () => {
  const name = freshName();
  const hold = await holdExclusively({ name, timeoutMs: 1_000 });
  onTestFinished(() => hold?.release());
  expect(await holdExclusively({ name, timeoutMs: 20 })).toBeUndefined();
  expect(await holdExclusively({ name, timeoutMs: 10_000, signal: AbortSignal.abort("SIGINT") })).toBeUndefined();
});

test("the name is free when its holder was killed", async () => {
  const name = freshName();
  const script = `require("net").createServer().listen("\\0${name}", () => console.log("held"))`;
  const holder = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => void holder.kill("SIGKILL"));
  await once(holder.stdout, "data");
  const hold = await holdExclusively({ name, timeoutMs: 10_000, onWait: () => void holder.kill("SIGKILL") });
  expect(hold).toBeDefined();
  hold?.release();
});
