import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { CheckId } from "../../src/doctor/check.ts";
import type { DoctorReport } from "../../src/doctor/run-doctor.ts";
import { flawedGates } from "../peers/gates/corpus.ts";
import { draw, seedOfRun } from "../peers/gates/draw.ts";
import { expose, recipe as recipeExposures } from "../peers/gates/exposure.ts";
import { copiedRecipe, isServe } from "../peers/gates/flawed.ts";
import { type GateOptions, type GateServer, startGate } from "../peers/gates/mcp-server.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";

const tsmcp = fileURLToPath(new URL("../../bin/tsmcp", import.meta.url));

let tailnet: Tailnet;
let server: TailnetNode;
/** A cloud agent's machine: tagged, so Serve tells nobody who it is. */
let agent: TailnetNode;
/** A person's machine. */
let laptop: TailnetNode;
let home: string;
const gates: GateServer[] = [];

beforeAll(async () => {
  tailnet = await startTailnet();
  home = tailnet.tempDir();
  [server, agent, laptop] = await Promise.all([
    tailnet.startNode({ hostname: "server", tags: ["tag:server"], funnel: true }),
    tailnet.startNode({ hostname: "agent", tags: ["tag:agent"], upArgs: ["--shields-up"] }),
    tailnet.startNode({ hostname: "laptop", user: "alice@example.com" }),
  ]);
});

afterEach(async () => {
  for (const gate of gates.splice(0)) await gate[Symbol.asyncDispose]();
  await server.tailscale(["serve", "reset"]);
});

afterAll(async () => {
  await tailnet?.close();
});

/** The copied recipe: one port behind both exposures. */
async function exposeOnce(options: GateOptions): Promise<GateServer> {
  const gate = await startGate(options);
  gates.push(gate);
  await server.serve({ port: 8443, target: `http://127.0.0.1:${gate.port}` });
  await server.funnel({ port: 443, target: `http://127.0.0.1:${gate.port}` });
  return gate;
}

async function exposeApart(): Promise<GateServer> {
  const [inside, outside] = [await startGate({ gate: () => true }), await startGate({ gate: () => false })];
  gates.push(inside, outside);
  await server.serve({ port: 8443, target: `http://127.0.0.1:${inside.port}` });
  await server.funnel({ port: 443, target: `http://127.0.0.1:${outside.port}` });
  return inside;
}

function doctorEnv(from: TailnetNode): Record<string, string> {
  return { ...tailnet.env(), HOME: home, TSMCP_PROXY: `http://${from.proxy}`, TSMCP_SOCKET: from.socket };
}

async function run(command: string, args: readonly string[], env: Record<string, string>, cwd = home) {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"], cwd });
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { stdout, stderr, exitCode };
}

async function doctor(from: TailnetNode, args: readonly string[] = [], path = "/mcp") {
  const url = `https://${server.dnsName}:8443${path}`;
  const connectTo = tailnet.connectTo(server.dnsName).flatMap((rule) => ["--connect-to", rule]);
  return run(process.execPath, [tsmcp, "doctor", url, ...connectTo, ...args], doctorEnv(from));
}

async function report(from: TailnetNode, args: readonly string[] = [], path = "/mcp") {
  const { stdout, stderr, exitCode } = await doctor(from, ["--json", ...args], path);
  if (stdout === "") throw new Error(stderr);
  const parsed: DoctorReport = JSON.parse(stdout);
  return { exitCode, report: parsed, check: (id: CheckId) => parsed.checks.find((check) => check.id === id) };
}

describe("against the copied recipe, the doctor", () => {
  test.each(["stateless", "sessions"] as const)(
    "shows the request that gets in when the server is %s",
    async (flavour) => {
      const gate = await exposeOnce({ gate: copiedRecipe, flavour });
      const { exitCode, report: found, check } = await report(agent);
      expect(exitCode).toBe(1);
      expect(found.verdict).toBe("fail");
      expect(check("tailnet.tools")).toMatchObject({ status: "pass", facts: { tools: gate.tools.length } });
      expect(check("public.tools")).toMatchObject({ status: "pass", facts: { tools: 0 } });
      const hole = check("separation.host-header");
      expect(hole).toMatchObject({
        status: "fail",
        facts: { request: `Host: ${server.dnsName}:8443`, tools: gate.tools.length, names: gate.tools },
      });
      const shown = await run("/bin/sh", ["-c", hole?.reproduce ?? "false"], doctorEnv(agent));
      expect(shown.exitCode).toBe(0);
      for (const tool of gate.tools) expect(shown.stdout).toContain(`"${tool}"`);
      expect(gate.calls).toEqual([]);
    },
  );

  test("says it to people: what got in, how much it saw, why, how to repeat it and what to do", async () => {
    const gate = await exposeOnce({ gate: copiedRecipe });
    const { stdout, stderr, exitCode } = await doctor(agent);
    expect(exitCode).toBe(1);
    expect(stderr).toBe("");
    expect(stdout).toContain(
      `FAIL separation.host-header: the internet sees ${gate.tools.length} tools when it sends Host: ${server.dnsName}:8443`,
    );
    expect(stdout).toMatch(/\n {7}why: {3}tailscaled copies the client's own Host/);
    expect(stdout).toMatch(/\n {7}try: {3}curl /);
    expect(stdout).toMatch(/\n {7}do: {4}give each exposure a listener of its own/);
  });
});

describe("against a gate that trusts the login alone, the doctor", () => {
  // tailscaled takes a forged login away, so nothing gets in; but a tagged machine has no login to show.
  const gate: GateOptions["gate"] = ({ headers }) => headers["tailscale-user-login"] !== undefined;

  test("passes from a person's machine", async () => {
    const exposed = await exposeOnce({ gate });
    const { exitCode, check } = await report(laptop);
    expect(exitCode).toBe(0);
    expect(check("tailnet.tools")?.facts.tools).toBe(exposed.tools.length);
    expect(check("separation.identity-headers")?.status).toBe("pass");
  });

  test("says from a tagged agent's machine that the tailnet shows it nothing", async () => {
    await exposeOnce({ gate });
    const { exitCode, check } = await report(agent);
    expect(exitCode).toBe(1);
    expect(check("tailnet.tools")).toMatchObject({
      status: "fail",
      message: "0 tools where at least 1 was expected",
    });
    expect(check("separation.host-header")?.status).toBe("pass");
  });
});

describe("against the same server behind two listeners, the doctor", () => {
  test("exits 0, with no tools on 443 and the full set on 8443", async () => {
    const gate = await exposeApart();
    const { exitCode, report: found, check } = await report(agent);
    const open = found.checks.filter(({ status }) => !["pass", "skip"].includes(status));
    // The SDK's server opens a stream to whoever asks, and both sides answer the call of no tool alike.
    expect(open.map(({ id, status }) => `${id} ${status}`)).toEqual(["public.call warn", "public.flood warn"]);
    expect(check("public.call")?.hint).toBe("prove it with --call-tool NAME, which calls that one tool on both sides");
    expect(exitCode).toBe(0);
    expect(check("tailnet.tools")).toMatchObject({ status: "pass", facts: { names: gate.tools } });
    expect(check("public.tools")).toMatchObject({ status: "pass", facts: { tools: 0 } });
    expect(check("public.initialize")?.status).toBe("pass");
    expect(check("separation.host-header")?.status).toBe("pass");
    expect(check("tailscale.state")).toMatchObject({ status: "pass", facts: { name: agent.dnsName } });
    expect(check("proxy.connect")?.status).toBe("pass");
    expect(found.requests).toBeLessThanOrEqual(200);
  });

  test("proves that a tool can be called inside and not outside, when one is named", async () => {
    const gate = await exposeApart();
    const [tool = ""] = gate.tools;
    const { exitCode, check } = await report(agent, ["--call-tool", tool]);
    expect(exitCode).toBe(0);
    expect(check("tailnet.call")?.status).toBe("pass");
    expect(check("public.call")?.status).toBe("pass");
    expect(gate.calls).toEqual([tool]);
  });

  test("takes a bare public URL, finds the path and derives the other side", async () => {
    const gate = await exposeApart();
    const connectTo = tailnet.connectTo(server.dnsName).flatMap((rule) => ["--connect-to", rule]);
    const args = [tsmcp, "doctor", `https://${server.dnsName}`, "--json", ...connectTo];
    const { stdout, exitCode } = await run(process.execPath, args, doctorEnv(agent));
    const found: DoctorReport = JSON.parse(stdout);
    expect(exitCode).toBe(0);
    expect(found.targets).toEqual([
      {
        name: `https://${server.dnsName}`,
        tailnetUrl: `https://${server.dnsName}:8443/mcp`,
        publicUrl: `https://${server.dnsName}/mcp`,
        derived: "tailnet",
      },
    ]);
    expect(found.checks.find(({ id }) => id === "tailnet.tools")?.facts.tools).toBe(gate.tools.length);
  });
});

test("the doctor sees 443 wide open, and does not go on to attack", async () => {
  const gate = await exposeOnce({ gate: () => true });
  const { exitCode, check } = await report(agent);
  expect(exitCode).toBe(1);
  expect(check("public.tools")).toMatchObject({ status: "fail", facts: { tools: gate.tools.length } });
  expect(check("separation.host-header")).toMatchObject({ status: "skip", facts: { need: "public.tools" } });
});

test("the doctor calls a public side closed when Funnel is off, and passes", async () => {
  await exposeApart();
  await server.tailscale(["funnel", "--https=443", "off"]);
  const { exitCode, check } = await report(agent);
  expect(check("public.tools")?.status).toBe("pass");
  expect(check("public.initialize")?.status).toBe("warn");
  expect(exitCode).toBe(0);
});

test("the doctor cannot say anything of the public side when it cannot get there", async () => {
  await exposeApart();
  const url = `https://${server.dnsName}:8443/mcp`;
  const args = [tsmcp, "doctor", url, "--json", "--public-dns", tailnet.dns];
  const { stdout, exitCode } = await run(process.execPath, args, doctorEnv(agent));
  const found: DoctorReport = JSON.parse(stdout);
  expect(exitCode).toBe(3);
  expect(found.checks.find(({ id }) => id === "public.address")?.status).toBe("unknown");
  expect(found.checks.find(({ id }) => id === "public.tools")?.status).toBe("skip");
});

test("the doctor finds that a session of the tailnet side opens the public side, and shows how", async () => {
  // The gate decides at initialize; the session id is then good for everybody.
  const gate = await exposeOnce({ gate: isServe, flavour: "sessions" });
  const { exitCode, check } = await report(laptop);
  expect(exitCode).toBe(1);
  expect(check("separation.host-header")?.status).toBe("pass");
  const hole = check("separation.session");
  expect(hole).toMatchObject({ status: "fail", facts: { tools: gate.tools.length } });
  const shown = await run("/bin/sh", ["-c", hole?.reproduce ?? "false"], doctorEnv(laptop));
  for (const tool of gate.tools) expect(shown.stdout).toContain(`"${tool}"`);
});

/** One gate for each check that shows a line. */
const reproduced = [
  "separation.host-header",
  "separation.identity-headers",
  "separation.forwarding-headers",
  "separation.header-count",
  "separation.messages",
  "separation.paths",
  "separation.ports",
] as const;

test.each(reproduced)("the line that reproduces %s does so in a plain shell", async (id) => {
  const flawed = flawedGates.find(({ found }) => found === id);
  if (flawed === undefined) throw new Error(`no gate has the flaw that ${id} finds`);
  const drawn = draw(seedOfRun(), flawed.name);
  const gate = await flawed.start({ ...drawn, publicName: server.dnsName, serverAddress: server.ip });
  gates.push(gate);
  await expose(server, (flawed.exposures ?? recipeExposures)(gate.port));
  const { check } = await report(laptop, ["--only", id], drawn.path);
  const shown = await run("/bin/sh", ["-c", check(id)?.reproduce ?? "false"], doctorEnv(laptop));
  expect(shown.stderr).toBe("");
  for (const tool of gate.tools) expect(shown.stdout).toContain(`"${tool}"`);
});

describe("when something on the way is broken, the doctor names it first", () => {
  /** The checks that failed, and the need that every mandatory one names. */
  const causes = ({ checks }: DoctorReport) => ({
    failed: checks.filter(({ status }) => status === "fail").map(({ id }) => id),
    needed: new Set(
      checks.filter(({ status, facts }) => status === "skip" && facts.need).map(({ facts }) => facts.need),
    ),
  });

  test("a backend that is down behind Serve", async () => {
    const gate = await exposeOnce({ gate: () => true });
    await gate[Symbol.asyncDispose]();
    gates.splice(0);
    const { exitCode, report: found, check } = await report(agent);
    expect(exitCode).toBe(1);
    expect(causes(found).failed).toEqual(["tailnet.initialize"]);
    expect(check("tailnet.initialize")?.message).toContain("502");
  });

  test("Serve that is off", async () => {
    await exposeApart();
    await server.tailscale(["serve", "--https=8443", "off"]);
    const { exitCode, report: found } = await report(agent);
    expect(exitCode).toBe(1);
    expect(causes(found)).toEqual({ failed: ["tailnet.dial"], needed: new Set(["tailnet.dial"]) });
  });

  test("a proxy that is not there", async () => {
    await exposeApart();
    const { exitCode, report: found } = await report({ ...agent, proxy: "127.0.0.1:9" });
    expect(exitCode).toBe(1);
    expect(causes(found)).toEqual({ failed: ["proxy.listening"], needed: new Set(["proxy.listening"]) });
  });

  test("a proxy that leads elsewhere", async () => {
    const gate = await exposeApart();
    const { exitCode, report: found } = await report({ ...agent, proxy: `127.0.0.1:${gate.port}` });
    expect(exitCode).toBe(1);
    expect(causes(found)).toEqual({ failed: ["proxy.connect"], needed: new Set(["proxy.connect"]) });
  });

  test("tools that are missing", async () => {
    await exposeApart();
    const {
      exitCode,
      report: found,
      check,
    } = await report(agent, ["--expect-tools", "tool_*,search", "--min-tools", "2"]);
    expect(exitCode).toBe(1);
    expect(causes(found).failed).toEqual(["tailnet.tools"]);
    expect(check("tailnet.tools")).toMatchObject({ facts: { missing: ["search"] } });
  });

  test("a node that was stopped, and one whose daemon is gone", async () => {
    await exposeApart();
    const spare = await tailnet.startNode({ hostname: "spare", tags: ["tag:agent"] });
    await spare.tailscale(["down"]);
    const stopped = await report(spare);
    expect(stopped.exitCode).toBe(1);
    expect(causes(stopped.report)).toEqual({ failed: ["tailscale.state"], needed: new Set(["tailscale.state"]) });
    expect(stopped.check("tailscale.state")?.message).toBe("tailscaled is Stopped");
    await spare.kill();
    const gone = await report(spare);
    expect(causes(gone.report)).toEqual({ failed: ["tailscale.state"], needed: new Set(["tailscale.state"]) });
    expect(gone.check("tailscale.state")?.message).toBe("tailscaled does not answer");
  });
});

describe("against servers that a repository names, the doctor", () => {
  const inRepository = async (servers: object) => {
    const repository = tailnet.tempDir();
    writeFileSync(join(repository, "tsmcp.config.json"), JSON.stringify({ servers }));
    const connectTo = tailnet.connectTo(server.dnsName).flatMap((rule) => ["--connect-to", rule]);
    return run(process.execPath, [tsmcp, "doctor", "--json", ...connectTo], doctorEnv(agent), repository);
  };

  test("examines those of its own tailnet, and calls no tool that the repository names", async () => {
    const gate = await exposeApart();
    const tailnetUrl = `https://${server.dnsName}:8443/mcp`;
    const { stdout, exitCode } = await inRepository({ notes: { tailnetUrl, probe: { tool: gate.tools[0] } } });
    const found: DoctorReport = JSON.parse(stdout);
    expect(exitCode).toBe(0);
    expect(found.targets.map(({ name }) => name)).toEqual(["notes"]);
    expect(gate.calls).toEqual([]);
  });

  test("exits 2 at one outside, and sends it nothing", async () => {
    const { stdout, exitCode } = await inRepository({
      notes: { tailnetUrl: "https://elsewhere.example.com:8443/mcp" },
    });
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout).error.code).toBe("server-foreign");
  });
});
