import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { initScript } from "../../../src/process/init.ts";

const isRoot = process.getuid?.() === 0;
const shells = ["/bin/dash", "/bin/busybox", "/bin/bash"].filter(existsSync);

/** Prints "collected" once a process that was left to process 1 is gone from /proc, zombies included. */
const leavesAnOrphan = `
orphan=$(sh -c 'sleep 0.05 >/dev/null & echo $!')
tries=0
while [ -e "/proc/$orphan" ] && [ "$tries" -lt 100 ]; do sleep 0.02; tries=$((tries + 1)); done
if [ -e "/proc/$orphan" ]; then echo left; else echo collected; fi
exit 7
`;
const asksToStop = "trap 'echo told; exit 9' TERM; kill -TERM 1; while :; do sleep 0.02; done";

function asProcessOne(argv: readonly string[]) {
  const { status, stdout, stderr } = spawnSync("unshare", ["--pid", "--fork", "--mount-proc", ...argv], {
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { status, stdout, stderr };
}

function shellAsInit(shell: string, script: string) {
  const sh = shell.endsWith("busybox") ? [shell, "sh"] : [shell];
  return asProcessOne([...sh, "-c", initScript, "tsmcp-init", "/bin/sh", "-c", script]);
}

describe.runIf(isRoot)("process 1", () => {
  it("leaves a zombie when it is Node.js, which is why it must not be", () => {
    const program = `require("node:child_process").spawn("/bin/sh", ["-c", process.argv[1]], { stdio: "inherit" }).on("exit", process.exit)`;
    expect(asProcessOne([process.execPath, "-e", program, leavesAnOrphan])).toMatchObject({
      status: 7,
      stdout: "left\n",
    });
  });

  it.each(shells)("collects what is left to it, and ends as its child does, when it is %s", (shell) => {
    expect(shellAsInit(shell, leavesAnOrphan)).toEqual({ status: 7, stdout: "collected\n", stderr: "" });
  });

  it.each(shells)("hands on a signal when it is %s", (shell) => {
    expect(shellAsInit(shell, asksToStop)).toEqual({ status: 9, stdout: "told\n", stderr: "" });
  });
});
