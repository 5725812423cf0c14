import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import {
  filesBelow,
  type Machine,
  machineOn,
  processesNaming,
  startTsmcp,
  statuses,
  tsmcp,
  type UpJson,
} from "./tsmcp.ts";

let tailnet: Tailnet;
let server: TailnetNode;
let silent: Server;

beforeAll(async () => {
  tailnet = await startTailnet();
  server = await tailnet.startNode({ hostname: "server" });
  // It answers nothing, so that no verify ends before the kill that is meant for it.
  silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = silent.address();
  const port = typeof address === "object" ? address?.port : undefined;
  await server.serve({ port: 8443, target: `http://127.0.0.1:${port}` });
});

afterAll(async () => {
  expect(await tailnet?.close()).toEqual([]);
  silent?.close();
});

function upArguments(): string[] {
  const connectTo = tailnet.connectTo(server.dnsName).flatMap((option) => ["--connect-to", option]);
  const notes = `notes=https://${server.dnsName}:8443/mcp`;
  return ["up", "--verbose", "--server", notes, "--agent", "cursor", "--export", "profile", ...connectTo];
}

/** Kills `up` as soon as `isTime`, runs it again, and expects a healthy machine of which `down` leaves nothing. */
async function killAndRepeat(machine: Machine, isTime: (stderr: string) => boolean, between = (): void => {}) {
  const key = { TS_AUTHKEY: await tailnet.createKey({ reusable: true, ephemeral: true }) };
  const { child, outcome } = startTsmcp(upArguments(), machine, key);
  let stderr = "";
  child.stderr?.on("data", (text: string) => {
    stderr += text;
    if (isTime(stderr)) child.kill("SIGKILL");
  });
  const poll = setInterval(() => isTime(stderr) && child.kill("SIGKILL"), 2);
  const killed = await outcome;
  clearInterval(poll);
  expect({ signal: killed.signal, stderr: killed.stderr }).toMatchObject({ signal: "SIGKILL" });
  between();

  const again = await tsmcp([...upArguments(), "--no-verify", "--json"], machine, key);
  expect({ exitCode: again.exitCode, stderr: again.stderr }).toMatchObject({ exitCode: 0 });
  const report: UpJson = JSON.parse(again.stdout);
  expect(report.files).toContain(join(machine.workspace, ".cursor/mcp.json"));
  expect((await tsmcp(["status"], machine)).exitCode).toBe(0);
  const left = processesNaming(machine.home);
  expect(left.map(({ argv }) => argv.some((argument) => argument.startsWith("--statedir=")))).toEqual([true]);

  const third = await tsmcp([...upArguments(), "--no-verify", "--json"], machine);
  expect(new Set(Object.values(statuses(third)))).toEqual(new Set(["kept", "skipped"]));

  expect((await tsmcp(["down"], machine)).exitCode).toBe(0);
  expect(processesNaming(machine.home)).toEqual([]);
  expect(filesBelow(machine.home)).toEqual([]);
}

test("up is healthy again when it was killed before, in or after any step of its plan", async () => {
  const plan = await tsmcp([...upArguments(), "--dry-run", "--json"], machineOn(tailnet), { TS_AUTHKEY: "tskey-none" });
  const ids = Object.keys(statuses(plan));
  expect(ids).toEqual(["preflight", "install", "daemon", "login", "proxy", "exports", "agent-config", "verify"]);
  for (const [index, id] of ids.entries()) {
    await killAndRepeat(machineOn(tailnet), (stderr) => stderr.includes(`tsmcp: ${id}: begins`));
    // After the last step it ends by itself, and the other tests see to that.
    if (index === ids.length - 1) continue;
    await killAndRepeat(machineOn(tailnet), (stderr) => new RegExp(`tsmcp: ${id}: (done|kept|failed)`).test(stderr));
  }
}, 180_000);

test.each([
  ["tailscaled", "before"],
  ["tailscale", "before"],
  ["tailscale", "after"],
] as const)(
  "up is healthy again when it was killed while %s was held %s its work",
  async (program, moment) => {
    const machine = machineOn(tailnet);
    const standIn = holdingStandIn(program, moment);
    const env = { ...machine.env, PATH: `${standIn.bin}:${machine.env.PATH}` };
    await killAndRepeat(
      { ...machine, env },
      () => existsSync(standIn.held),
      () => rmSync(standIn.hold),
    );
  },
  60_000,
);

test("up stops its daemon and says why when tailscaled ends at once", async () => {
  const machine = machineOn(tailnet);
  const bin = tailnet.tempDir();
  writeFileSync(join(bin, "tailscaled"), "#!/bin/sh\necho 'no such kernel feature' >&2\nexit 3\n", { mode: 0o755 });
  const env = { ...machine.env, PATH: `${bin}:${machine.env.PATH}` };
  const outcome = await tsmcp(["up"], { ...machine, env }, { TS_AUTHKEY: "tskey-auth-unused" });
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stderr).toContain(
    "tsmcp: error: tailscaled ended at once with exit code 3; it said last: no such kernel feature\n",
  );
  await tsmcp(["down"], machine);
});

/** A stand-in that waits before or after it runs the real program, as long as the file `hold` is there; its own pipe wakes it never. */
function holdingStandIn(program: "tailscale" | "tailscaled", moment: "before" | "after") {
  const bin = tailnet.tempDir();
  const [held, hold, pipe] = [join(bin, "held"), join(bin, "hold"), join(bin, "pipe")];
  execFileSync("mkfifo", [pipe]);
  writeFileSync(hold, "");
  const wait = `if [ -e ${hold} ]; then : > ${held}; read line < ${pipe}; fi`;
  const real = join(tailnet.binDir, program);
  const body = moment === "before" ? `${wait}\nexec ${real} "$@"` : `${real} "$@"\ncode=$?\n${wait}\nexit $code`;
  writeFileSync(join(bin, program), `#!/bin/sh\n${body}\n`);
  chmodSync(join(bin, program), 0o755);
  return { bin, held, hold };
}
