import { existsSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { layoutOf } from "../../../src/bootstrap/layout.ts";
import { whileAlone } from "../../../src/bootstrap/lock.ts";
import type { BootstrapWorld } from "../../../src/bootstrap/world.ts";
import { currentName } from "../../../src/core/lock-name.ts";
import { silentLog } from "../../../src/core/log.ts";
import { makeRuntimeDirectory } from "../../../src/core/runtime-directory.ts";
import { holdExclusively } from "../../../src/net/exclusive.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

function newWorld(): BootstrapWorld {
  const root = temporaryDirectory();
  mkdirSync(join(root, "shm"));
  return {
    env: { HOME: root },
    shmDirectory: join(root, "shm"),
    log: silentLog,
    signal: new AbortController().signal,
  };
}

test("the one that waits finds its directory again when the one before removed it, and leaves none that is empty", async () => {
  const world = newWorld();
  const layout = layoutOf(makeRuntimeDirectory(world), { kind: "boot" }, world);
  const lookWhenAlone = (info: () => void): Promise<boolean> =>
    whileAlone({ layout, timeoutMs: 5_000 }, { ...world, log: { ...silentLog, info } }, async () =>
      lstatSync(layout.lockFile).isSymbolicLink(),
    );
  const second = await whileAlone({ layout, timeoutMs: 5_000 }, world, async () => {
    const waiting = await new Promise<{ found: Promise<boolean> }>((resolve) => {
      const found: Promise<boolean> = lookWhenAlone(() => resolve({ found }));
    });
    rmSync(dirname(layout.directory), { recursive: true });
    return waiting;
  });
  expect(await second.found).toBe(true);
  expect(existsSync(dirname(layout.directory))).toBe(false);
});

test("the lock is free for us when somebody else holds the name that it had before", async () => {
  const world = newWorld();
  const layout = layoutOf(makeRuntimeDirectory(world), { kind: "boot" }, world);
  const name = await whileAlone({ layout, timeoutMs: 1_000 }, world, async () => currentName(layout.lockFile));
  const squatter = await holdExclusively({ name: name ?? "", timeoutMs: 1_000 });
  onTestFinished(() => squatter?.release());
  expect(await whileAlone({ layout, timeoutMs: 200 }, world, async () => "alone")).toBe("alone");
});

test("only one of many is at work at a time, whatever lies where the lock's name is told", async () => {
  const world = newWorld();
  const layout = layoutOf(makeRuntimeDirectory(world), { kind: "boot" }, world);
  mkdirSync(layout.lockFile);
  const atWork: number[] = [];
  let now = 0;
  const work = async (): Promise<void> => {
    atWork.push(++now);
    await new Promise((resolve) => setImmediate(resolve));
    now -= 1;
  };
  await Promise.all(Array.from({ length: 20 }, () => whileAlone({ layout, timeoutMs: 20_000 }, world, work)));
  expect(atWork).toEqual(Array.from({ length: 20 }, () => 1));
  expect(existsSync(layout.directory)).toBe(false);
});

test("the lock is refused with the reason where nothing can be written", async () => {
  const world = newWorld();
  const layout = layoutOf("/proc/sys/tsmcp/boot", { kind: "boot" }, world);
  await expect(whileAlone({ layout, timeoutMs: 200 }, world, async () => {})).rejects.toMatchObject({
    code: "file-unwritable",
    message: expect.stringContaining('"/proc/sys/tsmcp/boot" cannot be written: '),
  });
});
