import { appendFileSync, existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createLineSink } from "../../../src/streams/line-sink.ts";
import { olderFileOf, openTurnedFile, toTurnedFile } from "../../../src/streams/turned-file.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const read = (path: string): string => readFileSync(path, "utf8");
const place = (): string => join(temporaryDirectory(), "log");

test("it begins anew at its limit, keeps what was before, and stays the same file for whoever else writes there", () => {
  const path = place();
  const file = openTurnedFile(path, 40);
  const { ino } = statSync(path);
  for (let line = 1; line <= 9; line += 1) expect(file.append(Buffer.from(`this is line ${line}\n`))).toBe(true);
  file.close();
  expect(read(olderFileOf(path))).toBe("this is line 7\nthis is line 8\n");
  expect(read(path)).toBe("this is line 9\n");
  expect([statSync(path).ino, statSync(path).mode & 0o777]).toEqual([ino, 0o600]);
  expect(statSync(olderFileOf(path)).mode & 0o777).toBe(0o600);
});

test("what others write to it counts too", () => {
  const path = place();
  const file = openTurnedFile(path, 100);
  appendFileSync(path, "x".repeat(95));
  file.append(Buffer.from("ours is more\n"));
  file.close();
  expect([read(path), read(olderFileOf(path)).length]).toEqual(["ours is more\n", 95]);
});

test("a link where the older lines go is replaced, and not followed", () => {
  const path = place();
  const elsewhere = `${path}.elsewhere`;
  writeFileSync(elsewhere, "theirs");
  symlinkSync(elsewhere, olderFileOf(path));
  const file = openTurnedFile(path, 10);
  file.append(Buffer.from("one line\n"));
  file.append(Buffer.from("two lines\n"));
  file.close();
  expect([read(elsewhere), read(olderFileOf(path)), read(path)]).toEqual(["theirs", "one line\n", "two lines\n"]);
});

test("a file that goes away costs the lines alone, and a full disk is told", () => {
  const path = place();
  const file = openTurnedFile(path, 10);
  rmSync(path);
  expect([file.append(Buffer.from("one line\n")), file.append(Buffer.from("two lines\n"))]).toEqual([true, true]);
  file.close();
  expect(existsSync(path)).toBe(false);
  expect(openTurnedFile("/dev/full").append(Buffer.from("x\n"))).toBe(false);
});

test("lines for a file that cannot be opened are dropped and counted, and it is made with the first one", async () => {
  const path = place();
  const sink = createLineSink(toTurnedFile(path));
  await sink.flush(1);
  expect(existsSync(path)).toBe(false);
  sink.line("one");
  await sink.flush(5_000);
  expect([read(path), sink.dropped()]).toEqual(["one\n", 0]);
  const nowhere = createLineSink(toTurnedFile(join(path, "below-a-file")));
  nowhere.line("one");
  await nowhere.flush(5_000);
  expect(nowhere.dropped()).toBe(1);
});
