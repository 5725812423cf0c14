import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { machineName, startTicks } from "../../../src/core/machine.ts";

function procWith(facts: { boot: string; namespace: string; start: string }): string {
  const root = mkdtempSync(join(tmpdir(), "tsmcp-proc-"));
  for (const directory of ["sys/kernel/random", "self/ns", "1"]) mkdirSync(join(root, directory), { recursive: true });
  writeFileSync(join(root, "sys/kernel/random/boot_id"), `${facts.boot}\n`);
  symlinkSync(facts.namespace, join(root, "self/ns/pid"));
  writeFileSync(join(root, "1/stat"), `1 (in) it) S ${"0 ".repeat(18)}${facts.start} 0\n`);
  return root;
}

test("machineName differs when boot, container or its start differ, and only then", () => {
  const first = { boot: "4f0d", namespace: "pid:[4026531836]", start: "17" };
  const machines = [
    first,
    { ...first },
    { ...first, boot: "5f0d" },
    { ...first, namespace: "pid:[1]" },
    { ...first, start: "18" },
  ];
  const roots = machines.map(procWith);
  const names = roots.map((root) => machineName(root));
  for (const root of roots) rmSync(root, { recursive: true });
  expect(names[0]).toBe(names[1]);
  expect(new Set(names).size).toBe(4);
  expect(names[0]).toMatch(/^4f0d-[0-9a-f]{8}$/);
});

test("machineName is still a name when /proc tells nothing", () => {
  expect(machineName("/nonexistent")).toMatch(/^no-boot-id-[0-9a-f]{8}$/);
});

test("startTicks reads field 22 when the program's name holds brackets and blanks", () => {
  const stat = `7 (a) b (c) S ${Array.from({ length: 18 }, (_, index) => index).join(" ")} 4242 99`;
  expect(startTicks(stat)).toBe("4242");
});
