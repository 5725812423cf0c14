import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { DoctorReport } from "../../src/doctor/run-doctor.ts";
import { freePort, isListening } from "../../src/net/listening.ts";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import { run } from "../tailnet/harness/run.ts";
import { until } from "../tailnet/harness/until.ts";
import { processesNaming, type Running, startTsmcp, tsmcp } from "./tsmcp.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const recipe = join(root, "test/peers/gates/recipe-server.mjs");

/** A machine whose processes are told apart by their working directory's name. */
function emptyMachine(): { workspace: string; env: Record<string, string> } {
  const workspace = temporaryDirectory();
  return { workspace, env: { PATH: process.env.PATH ?? "", HOME: workspace } };
}

interface Described {
  readonly host: string;
  readonly binDir: string;
  readonly caFile: string;
  readonly callers: Readonly<Record<string, { readonly curl: readonly [string, ...string[]] }>>;
}

/** Returns the sandbox that `tsmcp sandbox --json` describes, once it does. */
function described({ child }: Running): Promise<Described> {
  let text = "";
  child.stdout?.on("data", (chunk: string) => {
    text += chunk;
  });
  return until({ what: "the sandbox's description" }, async () =>
    text.endsWith("}\n") ? JSON.parse(text) : undefined,
  );
}

/** Nothing of a sandbox is left: no folder, no program that names it, no server. */
async function expectNothingLeft(sandbox: Described, marker: string): Promise<void> {
  const directory = join(sandbox.binDir, "..");
  await until({ what: "nothing to be left" }, async () => {
    const left = [...processesNaming(directory), ...processesNaming(marker)];
    return left.length === 0 && !existsSync(directory) ? true : undefined;
  });
}

describe("tsmcp sandbox --doctor", () => {
  it("fails the copied recipe with the request that got in, and leaves nothing", async () => {
    const machine = emptyMachine();
    const marker = join(machine.workspace, "marker");
    const argv = ["sandbox", "--doctor", "--json", "--", process.execPath, recipe, marker];
    const { exitCode, stdout, stderr } = await tsmcp(argv, machine);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 1 });
    const report: { verdict: string; checks: readonly { id: string; status: string }[] } = JSON.parse(stdout);
    expect(report.verdict).toBe("fail");
    expect(report.checks).toContainEqual(expect.objectContaining({ id: "separation.host-header", status: "fail" }));
    expect(processesNaming(marker)).toEqual([]);
  });

  it("passes a gate that lets in only who has capabilities and does not come by Funnel", async () => {
    const argv = ["sandbox", "--doctor", "--json", "--", process.execPath, recipe];
    const { exitCode, stdout } = await tsmcp(argv, emptyMachine(), { GATE: "sound" });
    const report: { verdict: string; checks: readonly { id: string; status: string }[] } = JSON.parse(stdout);
    expect(report.checks.filter(({ status }) => status === "fail")).toEqual([]);
    expect({ exitCode, verdict: report.verdict }).toEqual({ exitCode: 0, verdict: "pass" });
  });

  it("fails that gate when it is imitated as before capabilities were guarded", async () => {
    const argv = ["sandbox", "--doctor", "--json", "--as", "1.70", "--", process.execPath, recipe];
    const { exitCode, stdout } = await tsmcp(argv, emptyMachine(), { GATE: "sound" });
    const report: { checks: readonly { id: string; status: string }[] } = JSON.parse(stdout);
    expect(exitCode).toBe(1);
    expect(report.checks).toContainEqual(
      expect.objectContaining({ id: "separation.identity-headers", status: "fail" }),
    );
  });
});

describe("tsmcp sandbox --doctor with somebody else's server", () => {
  it("says in one line that the official server-everything shows its tools to the internet when nothing gates it", async () => {
    const everything = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"));
    const machine = emptyMachine();
    // Other tests run the same program at the same time.
    const marker = join(machine.workspace, "marker");
    const program = [process.execPath, everything, "streamableHttp", marker];
    const { exitCode, stdout } = await tsmcp(
      ["sandbox", "--doctor", "--intrusive", "--json", "--", ...program],
      machine,
    );
    const report: DoctorReport = JSON.parse(stdout);
    expect(exitCode).toBe(1);
    const found = new Map(report.checks.map((check) => [check.id, check]));
    expect(found.get("public.tools")).toMatchObject({
      status: "fail",
      facts: { names: expect.arrayContaining(["echo"]) },
    });
    // Where everybody sees the tools, no attack shows anything.
    expect(found.get("separation.smuggling")).toMatchObject({ status: "skip", facts: { need: "public.tools" } });
    expect(processesNaming(marker)).toEqual([]);
  });
});

describe("tsmcp sandbox", () => {
  it("serves a program to every caller, and ends with exit code 0 and nothing left when it is told to", async () => {
    const machine = emptyMachine();
    const marker = join(machine.workspace, "marker");
    const running = startTsmcp(["sandbox", "--json", "--", process.execPath, recipe, marker], machine);
    const sandbox = await described(running);
    for (const { curl } of Object.values(sandbox.callers)) {
      const [program, ...args] = curl;
      const done = await run(program, ["-sS", "-o", "/dev/null", "-w", "%{http_code}", ...args]);
      expect(done).toMatchObject({ exitCode: 0, stdout: "405" });
    }
    running.child.kill("SIGTERM");
    expect((await running.outcome).exitCode).toBe(0);
    await expectNothingLeft(sandbox, marker);
  });

  it("leaves nothing when it is killed, not even what its program and its stand-ins started", async () => {
    const machine = emptyMachine();
    const marker = join(machine.workspace, "marker");
    const running = startTsmcp(["sandbox", "--json", "--", process.execPath, recipe, marker], machine);
    const sandbox = await described(running);
    const daemon = spawn(
      join(sandbox.binDir, "tailscaled"),
      ["--tun=userspace-networking", `--socket=${join(machine.workspace, "s")}`, `--statedir=${marker}`],
      { stdio: "ignore" },
    );
    await until({ what: "the stand-in's socket" }, async () => existsSync(join(machine.workspace, "s")) || undefined);
    const daemonEnded = new Promise((resolve) => daemon.once("exit", resolve));
    running.child.kill("SIGKILL");
    await daemonEnded;
    await expectNothingLeft(sandbox, marker);
  });

  const strayed = (marker: string, then: string): readonly string[] => [
    process.execPath,
    "-e",
    `require("node:child_process").spawn("sleep", ["1000"], { detached: true, argv0: ${JSON.stringify(marker)}, stdio: "ignore" }).unref(); ${then}`,
  ];

  it("leaves nothing of what left its program's group when the program has ended before it listens", async () => {
    const machine = emptyMachine();
    const marker = join(machine.workspace, "strayed");
    const { exitCode } = await tsmcp(["sandbox", "--", ...strayed(marker, "process.exit(0)")], machine);
    expect(exitCode).toBe(1);
    await until({ what: "nothing to be left" }, async () => processesNaming(marker).length === 0 || undefined);
  });

  it("leaves nothing of what left its program's group when it is killed", async () => {
    const machine = emptyMachine();
    const marker = join(machine.workspace, "strayed");
    const listen = "require('node:http').createServer().listen(process.env.PORT, '127.0.0.1')";
    const running = startTsmcp(["sandbox", "--json", "--", ...strayed(marker, listen)], machine);
    await described(running);
    expect(processesNaming(marker).length).toBeGreaterThan(0);
    running.child.kill("SIGKILL");
    await until({ what: "nothing to be left" }, async () => processesNaming(marker).length === 0 || undefined);
  });

  it.each([
    { title: "is none", name: undefined },
    { title: "leaves no room for a socket's name", name: "x".repeat(80) },
  ])("uses another temporary folder when the one it is told of $title", async ({ name }) => {
    const machine = emptyMachine();
    const told = name === undefined ? "/nonexistent" : join(machine.workspace, name);
    if (name !== undefined) mkdirSync(told);
    const running = startTsmcp(["sandbox", "--json", "--target", "http://127.0.0.1:1"], machine, { TMPDIR: told });
    const { binDir } = await described(running);
    expect(binDir).toMatch(/^\/(tmp|dev\/shm)\//);
    expect(binDir.startsWith(told)).toBe(false);
    running.child.kill("SIGTERM");
    expect((await running.outcome).exitCode).toBe(0);
    if (name !== undefined) expect(readdirSync(told)).toEqual([]);
  });

  // The moments are what varies here; nothing is waited for by them.
  it.each([40, 80, 120, 160, 220, 300, 400, 550])(
    "leaves nothing when it is killed %i ms after its start",
    async (delayMs) => {
      const machine = emptyMachine();
      const temporary = join(machine.workspace, "tmp");
      mkdirSync(temporary);
      const argv = ["sandbox", "--", process.execPath, recipe, temporary];
      const { child } = startTsmcp(argv, machine, { TMPDIR: temporary });
      await setTimeout(delayMs);
      child.kill("SIGKILL");
      await until({ what: "nothing to be left" }, async () =>
        readdirSync(temporary).length === 0 && processesNaming(temporary).length === 0 ? true : undefined,
      );
    },
  );

  it("ends with exit code 1 when its program ends badly", async () => {
    const program = [
      "-e",
      "require('node:http').createServer().listen(process.env.PORT,'127.0.0.1',()=>setTimeout(()=>process.exit(3),500))",
    ];
    const { exitCode, stderr } = await tsmcp(["sandbox", "--", process.execPath, ...program], emptyMachine());
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "tsmcp: error: the program ended with exit code 3\n" });
  });

  it.each([
    {
      title: "ends before it listens",
      argv: [process.execPath, "-e", "process.exit(4)"],
      says: "ended with exit code 4 before it listened on PORT",
    },
    { title: "is not there", argv: ["/nonexistent/program"], says: "could not be started: it was not found" },
  ])("fails and says why when its program $title", async ({ argv, says }) => {
    const { exitCode, stderr } = await tsmcp(["sandbox", "--", ...argv], emptyMachine());
    expect(exitCode).toBe(1);
    expect(stderr).toContain(says);
  });

  it.each([
    { title: "nothing", argv: [] },
    { title: "two things", argv: ["--target", "http://127.0.0.1:1", "--", "node"] },
    { title: "--intrusive without --doctor", argv: ["--intrusive", "--target", "http://127.0.0.1:1"] },
    { title: "a public side alone", argv: ["--public", "http://127.0.0.1:1"] },
    { title: "a version that is not imitated", argv: ["--as", "1.40", "--target", "http://127.0.0.1:1"] },
    { title: "another machine's server", argv: ["--target", "http://example.com"] },
  ])("is a usage error when it is given $title", async ({ argv }) => {
    const { exitCode, stdout, stderr } = await tsmcp(["sandbox", ...argv], emptyMachine());
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toMatch(/^tsmcp: error: .*\ntsmcp: hint: .*\n$/);
  });
});

interface Example {
  readonly file: string;
  readonly argv: readonly string[];
}

const nodeTest: Example = { file: "gate.test.mjs", argv: ["--test", "gate.test.mjs"] };
const vitestRun = join(root, "node_modules/vitest/vitest.mjs");
const vitest: Example = { file: "gate.vitest.test.mjs", argv: [vitestRun, "run", "--root", "."] };
const readers = join(root, "test/readers/node_modules");
const hasReaders = existsSync(readers) || process.env.CI === "true";
const playwright: Example = {
  file: "gate.playwright.test.mjs",
  argv: [join(readers, "playwright/cli.js"), "test", "--reporter=list", "gate.playwright.test.mjs"],
};

describe("the library's example", () => {
  const rows = (title: string, example: Example) => [
    { title: `for ${title} passes a sound gate`, example, gate: "sound", wanted: 0 },
    { title: `for ${title} fails the copied recipe`, example, gate: "recipe", wanted: 1 },
  ];

  it.each([...rows("node:test", nodeTest), ...rows("vitest", vitest)])("$title", tryExample);

  it.skipIf(!hasReaders).each(rows("Playwright", playwright))("$title", tryExample);
});

async function tryExample({ example, gate, wanted }: { example: Example; gate: string; wanted: number }) {
  const { file, argv } = example;
  const directory = temporaryDirectory();
  mkdirSync(join(directory, "node_modules"));
  symlinkSync(root, join(directory, "node_modules/tsmcp"));
  symlinkSync(join(root, "node_modules/vitest"), join(directory, "node_modules/vitest"));
  symlinkSync(join(readers, "@playwright"), join(directory, "node_modules/@playwright"));
  await cp(join(root, "templates/sandbox", file), join(directory, file));
  const port = await freePort();
  const server = spawn(process.execPath, [recipe], { env: { PORT: String(port), GATE: gate }, stdio: "ignore" });
  try {
    await until({ what: "the server" }, async () => (await isListening({ host: "127.0.0.1", port })) || undefined);
    const env = { PATH: process.env.PATH, HOME: directory, NO_COLOR: "1", TARGET: `http://127.0.0.1:${port}` };
    const done = await run(process.execPath, argv, { cwd: directory, env });
    expect({ exitCode: done.exitCode, text: done.stdout }).toMatchObject({ exitCode: wanted });
    expect(done.stdout).toMatch(wanted === 0 ? /\b3 passed|pass 3/ : /names another host/);
  } finally {
    server.kill("SIGKILL");
  }
}
