import { chmodSync, chownSync, copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Capabilities, everybodyReachesEverybody } from "../tailnet/harness/knobs.ts";
import { type ExposeMachine, type ExposeScene, exposing, stands, startExposeScene } from "./expose-scene.ts";
import { sightOf } from "./gateway-process.ts";
import { copyProduct, openDirectory } from "./open-directory.ts";
import { processesNaming, startProgram } from "./tsmcp.ts";

let scene: ExposeScene;

beforeAll(async () => {
  scene = await startExposeScene();
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

const everything: Capabilities = { https: true, funnel: true, funnelPorts: "443,8443,10000" };

async function refusalsOf(machine: ExposeMachine, args: readonly string[] = []) {
  const { exitCode, stdout, stderr } = await machine.run([machine.url, "--json", ...args]);
  expect(stderr).toContain("tsmcp: error: nothing was exposed: one thing stands in the way\n");
  const { refusals = [] } = JSON.parse(stdout) as { refusals?: { id: string; lines: string[] }[] };
  return { exitCode, ids: refusals.map(({ id }) => id), lines: refusals.flatMap(({ lines }) => lines) };
}

describe("a node without", () => {
  test.each<[string, Partial<Capabilities>, string, string]>([
    ["HTTPS", { https: false }, "tailnet.https", "https://login.tailscale.com/admin/dns"],
    ["MagicDNS", { noMagicDns: true }, "tailnet.magic-dns", "https://login.tailscale.com/admin/dns"],
    ["Funnel", { funnel: false }, "tailnet.funnel", '"nodeAttrs": [{ "target": ["tag:server"], "attr": ["funnel"] }],'],
    [
      "port 443 of Funnel",
      { funnelPorts: "8443" },
      "tailnet.funnel-port",
      "https://login.tailscale.com/admin/acls/file",
    ],
  ])("%s is told so, with what mends it, and nothing is set", async (_what, lacking, id, line) => {
    const machine = await scene.machine();
    const { dnsName } = machine.node;
    await scene.tailnet.api.setCapabilities(dnsName, { ...everything, ...lacking });
    const sees = async () => (await machine.run([machine.url, "--dry-run", "--json"])).exitCode;
    await expect.poll(sees).toBe(1);
    expect(await refusalsOf(machine)).toEqual({ exitCode: 1, ids: [id], lines: [line] });
    expect(await machine.serves()).toEqual({});
    await scene.tailnet.api.setCapabilities(dnsName, everything);
    await expect.poll(sees).toBe(0);
  });

  test("Funnel can leave the internet out", async () => {
    const machine = await scene.machine({ funnel: false });
    const running = machine.start([machine.url, "--no-funnel"]);
    await running.says(stands);
    expect((await running.end()).exitCode).toBe(0);
  });

  test("open shields is told to lower them", async () => {
    const machine = await scene.machine({ upArgs: ["--shields-up"] });
    expect(await refusalsOf(machine)).toEqual({
      exitCode: 1,
      ids: ["node.shields-up"],
      lines: ["tailscale set --shields-up=false"],
    });
  });

  test("a tag cannot be the host of a Service, and an upstream that is down is none", async () => {
    const machine = await scene.machine({ tags: [], user: "alice@example.com" });
    expect((await refusalsOf(machine, ["--service", "svc:notes"])).ids).toEqual(["node.untagged"]);
    const { exitCode, stdout } = await machine.run(["http://127.0.0.1:1/mcp"]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain("upstream.failing: mcp: ");
  });
});

test("a grant that nobody has is told with the line for the policy", async () => {
  const machine = await scene.machine();
  const capability = "example.com/cap/mcp";
  const config = join(machine.home, "tsmcp.config.json");
  const gateway = { capability, upstreams: { who: { builtin: "whoami" } } };
  writeFileSync(config, JSON.stringify({ gateway }), { mode: 0o600 });
  const plan = async () => (await machine.run(["--config", config, "--dry-run"])).stdout;
  expect(await plan()).toContain(`none has been granted ${capability}`);
  const app = { [capability]: [{ tools: ["*"] }] };
  await scene.tailnet.api.setGrants([everybodyReachesEverybody, { src: ["tag:agent"], dst: ["tag:server"], app }]);
  await expect.poll(plan).not.toContain("none has been granted");
  await scene.tailnet.api.setGrants();
});

test("without a tailscaled it says where it looked", async () => {
  const machine = await scene.machine();
  const { exitCode, stderr } = await machine.run([machine.url, "--socket", "/nowhere/tailscaled.sock"]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain('there is no tailscaled at "/nowhere/tailscaled.sock"');
});

function realTailscale(): string {
  return join(scene.tailnet.binDir, "tailscale");
}

/** Stands before the real one, and does as `script` says where it is asked for Funnel. */
function standIn(script: string): Readonly<Record<string, string>> {
  const directory = scene.tailnet.tempDir();
  const file = join(directory, "tailscale");
  writeFileSync(file, `#!/bin/sh\ncase " $* " in *" funnel "*) ${script};; esac\nexec ${realTailscale()} "$@"\n`, {
    mode: 0o755,
  });
  return { PATH: `${directory}:${scene.tailnet.env().PATH}` };
}

describe("a tailscale that", () => {
  test.each([
    ["says nothing and does nothing", "exit 0", "tailscale funnel has not set port 443"],
    ["fails", "echo the reason >&2; exit 1", "tailscale funnel has not set port 443: the reason"],
    [
      "waits for somebody to click",
      "echo To enable, visit:; exec sleep 60",
      "tailscale funnel has not set port 443 within 20s: To enable, visit:",
    ],
  ])("%s is no success, and what was set before is undone", async (_what, script, says) => {
    const machine = await scene.machine();
    const { exitCode, stderr } = await machine.run([machine.url], standIn(script));
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`error: ${says}`);
    expect(await machine.serves()).toEqual({});
    expect(processesNaming(machine.home)).toEqual([]);
  });
});

test("what a tailscale had set when Ctrl-C broke it off is taken away too", async () => {
  const machine = await scene.machine();
  const running = machine.start([machine.url, "--bg"], standIn(`${realTailscale()} "$@"; exec sleep 60`));
  await expect.poll(async () => JSON.stringify(await machine.serves())).toContain("AllowFunnel");
  expect((await running.end()).exitCode).toBe(130);
  expect(await machine.serves()).toEqual({});
});

describe.runIf(process.getuid?.() === 0)("a user who is not root", () => {
  const nobody = 65_534;

  /** The node's socket is let through to everybody, as the system's is. */
  async function asNobody(args: readonly string[], operator: string) {
    const machine = await scene.machine();
    for (const directory of [scene.tailnet.runDir, join(machine.node.socket, "..")]) chmodSync(directory, 0o711);
    await machine.node.tailscale(["set", `--operator=${operator}`]);
    const programs = openDirectory("tsmcp-programs-");
    copyFileSync(join(scene.tailnet.binDir, "tailscale"), join(programs, "tailscale"));
    const launcher = copyProduct(join(programs, "tsmcp"));
    const home = openDirectory("tsmcp-nobody-");
    chownSync(home, nobody, nobody);
    const user = [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
    const words = [...user, process.execPath, launcher, "expose", machine.url, ...args];
    const env = { ...machine.env, HOME: home, PATH: `${programs}:/usr/bin:/bin` };
    return { machine, running: exposing(startProgram("setpriv", words, { env, workspace: home })) };
  }

  test("exposes on loopback behind a secret path where he is tailscaled's operator", async () => {
    const { machine, running } = await asNobody([], "nobody");
    await running.says(stands);
    await running.says("loopback behind a secret path: tailscaled takes sockets from root only");
    const url = `https://${machine.node.dnsName}:8443/mcp`;
    expect((await sightOf(scene.tailnet, { url, from: scene.agent })).tools).toEqual(scene.upstream.tools);
    expect((await running.end()).exitCode).toBe(0);
    expect(await machine.serves()).toEqual({});
  });

  test("is told to become it where he is not", async () => {
    const { running } = await asNobody([], "");
    const { exitCode, stdout } = await running.outcome;
    expect(exitCode).toBe(1);
    expect(stdout).toContain("user.rights: tailscaled takes no change from nobody");
    expect(stdout).toContain("sudo tailscale set --operator=nobody");
  });
});
