import { expect, test } from "vitest";
import { createUndoList } from "../../../src/bootstrap/undo.ts";
import { silentLog } from "../../../src/core/log.ts";

test("what was done is taken back from the last to the first, also when one cannot be", async () => {
  const done: string[] = [];
  const warnings: string[] = [];
  const undo = createUndoList();
  undo.add(() => void done.push("first"));
  undo.add(() => Promise.reject(new Error("it is stuck")));
  undo.add(async () => void done.push("last"));
  await undo.run({ ...silentLog, warn: (line) => warnings.push(line) });
  expect(done).toEqual(["last", "first"]);
  expect(warnings).toEqual(["could not undo everything: it is stuck"]);
  await undo.run(silentLog);
  expect(done).toHaveLength(2);
});

test("nothing is taken back when the list was cleared", async () => {
  const undo = createUndoList();
  undo.add(() => {
    throw new Error("never");
  });
  undo.clear();
  const warnings: string[] = [];
  await undo.run({ ...silentLog, warn: (line) => warnings.push(line) });
  expect(warnings).toEqual([]);
});
