import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformWithOxc } from "vite";
import { expect, onTestFinished, test } from "vitest";
import { holdExclusively } from "../../../src/net/exclusive.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

let counter = 0;
function freshName(): string {
  counter += 1;
  return `tsmcp-test-${process.pid}-${counter}`;
}

test("a name is held by one at a time, and the next has it as soon as it is let go", async () => {
  const name = freshName();
  const first = await holdExclusively({ name, timeoutMs: 30_000 });
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
  const hold = await holdExclusively({ name, timeoutMs: 30_000 });
  onTestFinished(() => hold?.release());
  expect(await holdExclusively({ name, timeoutMs: 20 })).toBeUndefined();
  expect(await holdExclusively({ name, timeoutMs: 10_000, signal: AbortSignal.abort("SIGINT") })).toBeUndefined();
});

/** Every Node that is installed for the tests, beside the one that runs them. */
const nodes = [
  process.execPath,
  ...[20, 22, 24].map((version) =>
    fileURLToPath(new URL(`../../nodes/node_modules/node-${version}/bin/node`, import.meta.url)),
  ),
].filter(existsSync);

test.each(nodes)("the name that %s holds is free when that was killed, and not before", async (node) => {
  const name = freshName();
  const directory = temporaryDirectory();
  for (const module of ["net/exclusive", "core/errors", "core/timeout-signal"]) {
    const file = fileURLToPath(new URL(`../../../src/${module}.ts`, import.meta.url));
    const { code } = await transformWithOxc(readFileSync(file, "utf8"), file);
    writeFileSync(join(directory, `${basename(module)}.mjs`), code.replaceAll(/"\.\.\/core\/(.*)\.ts"/g, '"./$1.mjs"'));
  }
  const script = `import("${directory}/exclusive.mjs").then(async ({ holdExclusively }) => {
    await holdExclusively({ name: "${name}", timeoutMs: 5_000 });
    console.log("held");
    setInterval(() => {}, 1_000);
  });`;
  const holder = spawn(node, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void holder.kill("SIGKILL"));
  await once(holder.stdout, "data");
  let hadToWait = false;
  const onWait = (): void => {
    hadToWait = true;
    holder.kill("SIGKILL");
  };
  const hold = await holdExclusively({ name, timeoutMs: 10_000, onWait });
  hold?.release();
  expect({ hadToWait, isHeld: hold !== undefined }).toEqual({ hadToWait: true, isHeld: true });
});
