import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { followLog } from "../../../src/cli/followed-log.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

test("whole lines for people are told once, from where the log ended before, and none about requests", () => {
  const path = join(temporaryDirectory(), "log");
  writeFileSync(path, "tsmcp: of the last time\n");
  const log = followLog(path, 24);
  expect(log.next()).toBe("");
  appendFileSync(path, 'tsmcp: one\n{"kind":"audit"}\ntsmcp: t');
  expect(log.next()).toBe("tsmcp: one\n");
  appendFileSync(path, 'wo\n{"kind":');
  expect(log.next()).toBe("tsmcp: two\n");
  appendFileSync(path, '"audit"}\ntsmcp: {three}\n');
  expect(log.next()).toBe("tsmcp: {three}\n");
});

test("a log that was begun anew is followed from its beginning", () => {
  const path = join(temporaryDirectory(), "log");
  writeFileSync(path, "a long line of the last time\n");
  const log = followLog(path, 29);
  writeFileSync(path, "new\n");
  expect([log.next(), log.next()]).toEqual(["new\n", ""]);
});
