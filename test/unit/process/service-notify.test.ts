import { writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { createLog, silentLog } from "../../../src/core/log.ts";
import { assignmentsOf, serviceNotifier, watchdogIntervalMs } from "../../../src/process/service-notify.ts";
import { hasSystemdNotify, notifySocket } from "../../fakes/notify-socket.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const env = (more: Record<string, string>) => ({ PATH: process.env.PATH, ...more });

test.for([
  ["ready", { kind: "ready", status: "serves" }, ["READY=1", "STATUS=serves"]],
  ["reloading", { kind: "reloading", status: "reads" }, ["RELOADING=1", "MONOTONIC_USEC=1234", "STATUS=reads"]],
  ["stopping", { kind: "stopping", status: "drains" }, ["STOPPING=1", "STATUS=drains"]],
  ["alive", { kind: "alive" }, ["WATCHDOG=1"]],
  ["status", { kind: "status", status: "a\nREADY=1\u001b[2J b" }, ["STATUS=a READY=1[2J b"]],
] as const)("assignmentsOf says %s as sd_notify has it, in one line each", ([, state, expected]) => {
  expect(assignmentsOf(state, 1_234_567n)).toEqual(expected);
});

test("assignmentsOf cuts a status that nobody would read to its end", () => {
  expect(assignmentsOf({ kind: "status", status: "x".repeat(10_000) }, 0n)).toEqual([`STATUS=${"x".repeat(300)}`]);
});

test.for([
  ["half of what systemd waits", { WATCHDOG_USEC: "30000000" }, 15_000],
  ["that for its own process", { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "7" }, 15_000],
  ["nothing for another process", { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "8" }, undefined],
  ["nothing without a watchdog", {}, undefined],
  ["nothing for what is no number", { WATCHDOG_USEC: "-5" }, undefined],
  ["what a timer can hold", { WATCHDOG_USEC: "99999999999999" }, 2 ** 31 - 1],
] as const)("watchdogIntervalMs returns %s", ([, variables, expected]) => {
  expect(watchdogIntervalMs(variables, 7)).toBe(expected);
});

test.runIf(hasSystemdNotify)("a service manager hears the states in their order, and the dog is fed", async () => {
  const { path, messages } = await notifySocket();
  const notifier = serviceNotifier({ env: env({ NOTIFY_SOCKET: path, WATCHDOG_USEC: "2000" }), log: silentLog });
  const inOrder = [notifier.ready("serves"), notifier.reloading("reads"), notifier.ready("serves on")];
  await Promise.all(inOrder);
  await expect.poll(() => messages.filter((message) => message === "WATCHDOG=1").length).toBeGreaterThan(2);
  notifier.close();
  await notifier.stopping("drains");
  await expect.poll(() => messages.at(-1)).toBe("STOPPING=1\nSTATUS=drains");
  const told = messages.filter((message) => message !== "WATCHDOG=1");
  expect(told).toEqual([
    "READY=1\nSTATUS=serves",
    expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=reads$/),
    "READY=1\nSTATUS=serves on",
    "STOPPING=1\nSTATUS=drains",
  ]);
});

test.for([
  ["which is not there", undefined, 'the service manager was not told "ready": there is no systemd-notify in PATH', 1],
  ["which nobody hears", "echo >&2 'Failed to notify: nobody'; exit 1", "Failed to notify: nobody", 2],
] as const)(
  "serviceNotifier says that the service manager is not told by systemd-notify, %s",
  async ([, program, complaint, times]) => {
    const directory = temporaryDirectory();
    if (program !== undefined) {
      writeFileSync(join(directory, "systemd-notify"), `#!/bin/sh\n${program}\n`, { mode: 0o755 });
    }
    let said = "";
    const log = createLog({ write: (text) => (said += text), verbosity: "normal" });
    const PATH = program === undefined ? directory : [directory, process.env.PATH].join(delimiter);
    const notifier = serviceNotifier({ env: { PATH, NOTIFY_SOCKET: "/nowhere/notify" }, log });
    await notifier.ready("serves");
    await notifier.status("serves on");
    expect(said).toContain(complaint);
    expect(said.match(/warning/g)).toHaveLength(times);
  },
);

test("serviceNotifier starts nothing where nobody waits for word", async () => {
  const directory = temporaryDirectory();
  let said = "";
  const log = createLog({ write: (text) => (said += text), verbosity: "verbose" });
  const notifier = serviceNotifier({ env: { PATH: directory, WATCHDOG_USEC: "1000" }, log });
  await notifier.ready("serves");
  notifier.close();
  expect(said).toBe("");
});
