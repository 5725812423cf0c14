import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { temporaryBase } from "../fakes/temporary-directory.ts";
import { localStatus } from "../tailnet/harness/local-api.ts";
import { run } from "../tailnet/harness/run.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { until } from "../tailnet/harness/until.ts";

const children: ChildProcess[] = [];
const folders: string[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(temporaryBase(), "tn-test-"));
  folders.push(made);
  return made;
}

/** Starts a tailscaled as the product does: detached, nothing of the harness but what the test gives it. */
async function detachedDaemon(tailnet: Tailnet, dir: string, env: NodeJS.ProcessEnv = {}) {
  const socket = join(dir, "s");
  const args = [
    `--statedir=${dir}`,
    `--socket=${socket}`,
    "--tun=userspace-networking",
    "--port=0",
    "--no-logs-no-support",
  ];
  const child = spawn(join(tailnet.binDir, "tailscaled"), args, {
    detached: true,
    stdio: "ignore",
    cwd: "/",
    env: { PATH: process.env.PATH, HOME: dir, TS_LOGS_DIR: dir, ...env },
  });
  children.push(child);
  await until({ what: "the detached daemon's socket" }, () => localStatus(socket));
  return { child, socket, pid: child.pid ?? 0 };
}

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

describe("closing a tailnet", () => {
  it("leaves no process, no folder and no listener when nodes are still up", async () => {
    const tailnet = await startTailnet();
    const node = await tailnet.startNode({ hostname: "left" });
    const ports = [tailnet.controlUrl, tailnet.apiUrl, `tcp://${tailnet.publicAddress(443)}`, `tcp://${node.proxy}`];
    expect(await tailnet.close()).toEqual([]);
    expect([tailnet.pid, node.pid].filter(isAlive)).toEqual([]);
    expect(existsSync(tailnet.runDir)).toBe(false);
    for (const url of ports) await expect(dial(url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("sweeps a detached daemon that is logged in to it, one that has a home in it and one in a claimed folder", async () => {
    const tailnet = await startTailnet();
    const joined = await detachedDaemon(tailnet, folder());
    const login = [`--login-server=${tailnet.controlUrl}`, `--auth-key=${await tailnet.createKey()}`, "--timeout=10s"];
    const up = await run(join(tailnet.binDir, "tailscale"), [`--socket=${joined.socket}`, "up", ...login]);
    expect(up).toMatchObject({ exitCode: 0 });
    const named = await detachedDaemon(tailnet, tailnet.tempDir());
    const claimed = await detachedDaemon(tailnet, folder());
    await tailnet.api.claim(join(claimed.socket, ".."));
    const swept = await tailnet.close();
    expect(new Map(swept.map(({ pid, why }) => [pid, why]))).toEqual(
      new Map([
        [joined.pid, "connection"],
        [named.pid, "home"],
        [claimed.pid, "folder"],
      ]),
    );
    for (const { pid } of [joined, named, claimed])
      await until({ what: `${pid} to end` }, async () => !isAlive(pid) || undefined);
  });

  it("sweeps what has its mark, lives in a home of its own or names its folder, and leaves strangers alone", async () => {
    const tailnet = await startTailnet();
    const stranger = await detachedDaemon(tailnet, folder());
    const sleeper = (env: NodeJS.ProcessEnv, cwd = "/") =>
      spawn("sleep", ["300"], { env: { PATH: process.env.PATH, ...env }, stdio: "ignore", cwd });
    const marked = sleeper(tailnet.env());
    const housed = sleeper({ HOME: tailnet.tempDir() });
    const naming = spawn("tail", ["-f", join(tailnet.runDir, "tailnet.log")], { detached: true, stdio: "ignore" });
    const unmarked = sleeper({ SSL_CERT_FILE: tailnet.caFile }, tailnet.runDir);
    children.push(marked, housed, naming, unmarked);
    await Promise.all([marked, housed, naming, unmarked].map(settled));
    const swept = await tailnet.close();
    expect(new Map(swept.map(({ pid, why }) => [pid, why]))).toEqual(
      new Map([
        [marked.pid, "mark"],
        [housed.pid, "home"],
        [naming.pid, "folder"],
      ]),
    );
    expect([stranger.pid, unmarked.pid ?? 0].filter(isAlive)).toEqual([stranger.pid, unmarked.pid]);
  });
});

/** A child that was forked has its parent's environment until it becomes the other program. */
async function settled({ pid, spawnfile }: ChildProcess): Promise<void> {
  await until({ what: `${spawnfile} to start` }, async () => {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(spawnfile) || undefined;
  });
}

describe("a harness that is killed", () => {
  // A terminal's Ctrl-C, its closing and a CI's cancelling reach all of a group.
  it.each([
    ["it alone", "SIGKILL"],
    ["its group", "SIGINT"],
    ["its group", "SIGTERM"],
    ["its group", "SIGHUP"],
  ] as const)(
    "takes its nodes, its tailnet, its folder and a marked process of the product with it (%s, %s)",
    async (who, signal) => {
      const harness = spawn(
        process.execPath,
        ["--import", "tsx", fileURLToPath(import.meta.resolve("../tailnet/harness/trial.ts"))],
        { detached: true, stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, TSX_DISABLE_CACHE: "1" } },
      );
      children.push(harness);
      const [line] = await once(createInterface({ input: harness.stdout }), "line");
      const trial: { runDir: string; pids: number[]; env: Record<string, string> } = JSON.parse(line);
      const product = spawn("sleep", ["300"], { env: { ...process.env, ...trial.env }, stdio: "ignore" });
      children.push(product);
      await settled(product);
      const pid = harness.pid ?? 0;
      process.kill(who === "it alone" ? pid : -pid, signal);
      const pids = [...trial.pids, product.pid ?? 0];
      await until({ what: `${pids.join(", ")} and ${trial.runDir} to be gone` }, async () => {
        return pids.some(isAlive) || existsSync(trial.runDir) ? undefined : true;
      });
    },
  );
});

function dial(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      socket.destroy();
      resolve();
    });
    socket.on("error", reject);
  });
}
