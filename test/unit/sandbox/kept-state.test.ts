import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { startSandbox } from "../../../src/sandbox/sandbox.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";
import { run } from "../../tailnet/harness/run.ts";
import { until } from "../../tailnet/harness/until.ts";

it.each([
  { title: "its folder has its login when it keeps one", state: [], left: ["tailscaled.state"] },
  { title: "its folder stays empty when its state is in memory", state: ["--state=mem:"], left: [] },
])("A stand-in for tailscaled has joined, and $title", async ({ state, left }) => {
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const stateDir = temporaryDirectory();
  const socket = join(sandbox.directory, "another.sock");
  const args = ["--tun=userspace-networking", `--socket=${socket}`, `--statedir=${stateDir}`, ...state];
  const child = spawn(join(sandbox.binDir, "tailscaled"), args, { stdio: "ignore" });
  const ended = once(child, "exit");
  const up = () =>
    run(join(sandbox.binDir, "tailscale"), [`--socket=${socket}`, "up", `--auth-key=${sandbox.authKeys.agent}`]);
  await until({ what: "it to join" }, async () => (await up()).exitCode === 0 || undefined);
  expect(readdirSync(stateDir)).toEqual(left);
  child.kill("SIGKILL");
  await ended;
});
