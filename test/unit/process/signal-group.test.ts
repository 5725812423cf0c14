import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { signalGroup } from "../../../src/process/signal-group.ts";

test("signalGroup ends what is left of a group when its leader has gone", async () => {
  // What the shell leaves behind holds the pipe.
  const leader = spawn("/bin/sh", ["-c", "sleep 600 &"], { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  const released = once(leader.stdout.resume(), "close");
  await once(leader, "exit");
  signalGroup(groupOf(leader), "SIGKILL");
  await released;
});

test("signalGroup does nothing when nobody is left of a group", async () => {
  const leader = spawn("/bin/sh", ["-c", "exit"], { detached: true, stdio: "ignore" });
  await once(leader, "exit");
  expect(() => signalGroup(groupOf(leader), "SIGTERM")).not.toThrow();
});

/** Never 0, which is our own. */
function groupOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error("it was not started");
  return pid;
}
