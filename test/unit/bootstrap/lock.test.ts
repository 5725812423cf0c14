import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { layoutOf } from "../../../src/bootstrap/layout.ts";
import { whileAlone } from "../../../src/bootstrap/lock.ts";
import type { BootstrapWorld } from "../../../src/bootstrap/world.ts";
import { silentLog } from "../../../src/core/log.ts";
import { makeRuntimeDirectory } from "../../../src/core/runtime-directory.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

test("the one that waits finds its directory again when the one before removed it, and leaves none that is empty", async () => {
  const root = temporaryDirectory();
  mkdirSync(join(root, "shm"));
  const world: BootstrapWorld = {
    env: { HOME: root },
    shmDirectory: join(root, "shm"),
    log: silentLog,
    signal: new AbortController().signal,
  };
  const layout = layoutOf(makeRuntimeDirectory(world), { kind: "boot" }, world);
  const lookWhenAlone = (info: () => void): Promise<boolean> =>
    whileAlone({ layout, timeoutMs: 5_000 }, { ...world, log: { ...silentLog, info } }, async () =>
      existsSync(layout.workingFile),
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
