import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { signalGroup } from "../../../src/process/signal-group.ts";

test("signalGroup ends what is left of a group when its leader has gone", async () => {
  // What the shell leaves behind holds the pipe.
  const leader = spawn("/bin/sh", ["-c", "sleep 600 &"], { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  const released = once(leader.stdout.resume(), "close");
  await once(leader, "exit");
  signalGroup(leader.pid ?? 0, "SIGKILL");
  await released;
});

test("signalGroup does nothing when nobody is left of a group", async () => {
  const leader = spawn("/bin/sh", ["-c", "exit"], { detached: true, stdio: "ignore" });
  await once(leader, "exit");
  expect(() => signalGroup(leader.pid ?? 0, "SIGTERM")).not.toThrow();
});
