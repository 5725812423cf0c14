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
function machineIn({ binDir, caFile, authKeys, callers }: Sandbox): Machine {
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
});
