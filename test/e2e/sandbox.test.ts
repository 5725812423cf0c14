import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Sandbox } from "../../src/sandbox/options.ts";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import { type Machine, processesNaming, statuses, tsmcp, type UpJson } from "./tsmcp.ts";

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await startSandbox();
});

afterEach(async () => {
  await sandbox.close();
});

/** An empty machine whose tailscale is the sandbox's. */
function machineIn({ binDir, caFile, authKeys, callers, controlUrl }: Sandbox): Machine {
  const home = temporaryDirectory();
  const workspace = join(home, "work");
  mkdirSync(workspace);
  return {
    home,
    workspace,
    env: {
      PATH: `${binDir}:${process.env.PATH ?? ""}`,
      HOME: home,
      NODE_EXTRA_CA_CERTS: caFile,
      TS_AUTHKEY: authKeys.agent,
      TSMCP_LOGIN_SERVER: controlUrl,
      TSMCP_PROXY: "127.0.0.1:0",
      TSMCP_CONNECT_TO: callers.internet.connectTo.join(","),
    },
  };
}

describe("tsmcp in a sandbox", () => {
  it("joins, sees the server, shows that it is up and leaves, when its tailscale is the sandbox's", async () => {
    const machine = machineIn(sandbox);
    const up = await tsmcp(["up", "--json", "--hostname", "vm"], machine);
    expect(up.stderr).not.toContain("error");
    expect(statuses(up)).toMatchObject({ daemon: "done", login: "done", proxy: "done" });
    const report: UpJson = JSON.parse(up.stdout);
    expect(report.node).toEqual({ name: `vm.${sandbox.suffix}`, ips: ["100.64.0.10"], tags: ["tag:agent"] });
    expect((await tsmcp(["status"], machine)).exitCode).toBe(0);
    expect((await tsmcp(["doctor", "--only", "tailscale,proxy", "--json"], machine)).exitCode).toBe(0);
    expect(await tsmcp(["down"], machine)).toMatchObject({ exitCode: 0, stderr: expect.not.stringContaining("warn") });
    expect(processesNaming(join(sandbox.directory, "stand-in.mjs"))).toEqual([]);
  });

  it.each([
    { title: "every key is refused", order: { key: "rejected" }, says: "invalid authkey" },
    { title: "an administrator has to approve the node", order: { approval: "needed" }, says: "nobody approved" },
    { title: "the coordination server does not answer", order: { control: "down" }, says: "not logged in within 3s" },
  ] as const)("does not join and says why, and down leaves no process, when $title", async ({ order, says }) => {
    Object.assign(sandbox.faults, order);
    const machine = machineIn(sandbox);
    const up = await tsmcp(["up", "--timeout", "3s"], machine);
    expect(up.exitCode).toBe(1);
    expect(up.stderr).toContain(says);
    // A logout that nobody answers is given up.
    sandbox.faults.control = "up";
    await tsmcp(["down"], machine);
    expect(processesNaming(join(sandbox.directory, "stand-in.mjs"))).toEqual([]);
  });

  it("is down when the node's key has expired", async () => {
    const machine = machineIn(sandbox);
    expect((await tsmcp(["up", "--hostname", "vm"], machine)).exitCode).toBe(0);
    expect(sandbox.expire("vm")).toBe(true);
    const status = await tsmcp(["status"], machine);
    expect(status.exitCode).not.toBe(0);
    expect(status.stdout).toContain("NeedsLogin");
    await tsmcp(["down"], machine);
  });

  it("reaches the server through a slow relay from a node that joined", async () => {
    const machine = machineIn(sandbox);
    sandbox.serve({ port: 8443, target: "http://127.0.0.1:1" });
    sandbox.faults.relayDelayMs = 5;
    expect((await tsmcp(["up", "--json", "--hostname", "vm"], machine)).exitCode).toBe(0);
    const done = await tsmcp(
      [
        "run",
        "--",
        "curl",
        "-sS",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "--cacert",
        sandbox.caFile,
        `https://${sandbox.host}:8443/`,
      ],
      machine,
    );
    expect(done).toMatchObject({ exitCode: 0, stdout: "502" });
    await tsmcp(["down"], machine);
  });
});
