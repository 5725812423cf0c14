import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readOutcome, type ToldOutcome, writeOutcome } from "../../../src/expose/outcome-file.ts";
import { identityOf } from "../../../src/process/identity.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const told: ToldOutcome = { kind: "outcome", outcome: { status: "refused", refusals: [] } };
const here = identityOf(process.pid) ?? { pid: process.pid, startTicks: "" };
const fileName = `outcome-${process.pid}.json`;

test("readOutcome returns what a process told", () => {
  const directory = temporaryDirectory();
  writeOutcome(directory, told);
  expect(readOutcome(directory, here)).toEqual(told);
});

test("readOutcome returns nothing when the process that told it only had the same number", () => {
  const directory = temporaryDirectory();
  writeOutcome(directory, told);
  expect(readOutcome(directory, { ...here, startTicks: "1" })).toBeUndefined();
});

test.each([
  { title: "of another boot", textOf: (text: string) => text.replace(/"machine": "[^"]*"/, '"machine": "another"') },
  { title: "torn", textOf: (text: string) => text.slice(0, -9) },
  { title: "of the form it once had", textOf: () => JSON.stringify(told) },
])("readOutcome returns nothing when the file is $title", ({ textOf }) => {
  const directory = temporaryDirectory();
  writeOutcome(directory, told);
  const path = join(directory, fileName);
  const text = readFileSync(path, "utf8");
  expect(textOf(text)).not.toBe(text);
  writeFileSync(path, textOf(text));
  expect(readOutcome(directory, here)).toBeUndefined();
});
