import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Validator } from "@cfworker/json-schema";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { main } from "../../../src/cli/main.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tsmcp-doctor-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function doctor(args: readonly string[], env: Record<string, string> = {}) {
  const written = { out: "", error: "" };
  const exitCode = await main(["doctor", "--socket", join(home, "no.sock"), ...args], {
    env: { HOME: home, PATH: "", ...env },
    cwd: home,
    writeOut: (text) => {
      written.out += text;
    },
    writeError: (text) => {
      written.error += text;
    },
    outIsTerminal: false,
    errorIsTerminal: false,
    signal: new AbortController().signal,
  });
  return { exitCode, ...written };
}

describe("tsmcp doctor", () => {
  test.each([
    [["--only", "public.tols"], 'did you mean "public.tools"?'],
    [["--skip", "publik"], 'did you mean "public"?'],
    [["--explain", "tailnet.tool"], 'did you mean "tailnet.tools"?'],
    [["--connect-to", "a:b:c"], "write it as curl does"],
    [["--intrusive"], "use: tsmcp sandbox --doctor --intrusive"],
    [["--only", "separation.smuggling"], "use: tsmcp sandbox --doctor --intrusive"],
    [["--public-dns", "nonsense"], "write an address"],
    [["--header", "Authorization: Bearer abc"], "environment variable"],
    [["--header", "X: ${env:MISSING}"], "set MISSING"],
    [["--call-tool", "x={"], "JSON object"],
    [["--min-tools", "many"], "whole number"],
    [["--wait", "1"], "30s"],
    [["https://x.ts.net", "--authorized", "x.ts.net:443"], "write the host alone"],
    [["--vantage", "moon"], ""],
    [["--report", "junti=x"], "did you mean junit=x?"],
    [["--report", "junit"], "write it as --report junit=FILE"],
    [["--updat-lock"], ""],
    [["nosuch"], "give the URL"],
    [["ftp://x/"], "write the server's URL"],
  ])("exits 2 for %j, and says %j", async (args, hint) => {
    const { exitCode, out, error } = await doctor(args);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
    expect(error).toContain("tsmcp: error: ");
    expect(error).toContain(hint);
  });

  test("without a server says that the mandatory checks were not made, and exits 3", async () => {
    const { exitCode, out } = await doctor(["--json", "--skip", "tailscale"]);
    const report = JSON.parse(out);
    expect(exitCode).toBe(3);
    expect(report).toMatchObject({ version: 1, verdict: "unknown", vantage: "auto", requests: 0, targets: [] });
    const skipped = report.checks.filter(({ mandatory }: { mandatory: boolean }) => mandatory);
    expect(skipped.map(({ status, message }: { status: string; message: string }) => `${status} ${message}`)).toEqual(
      Array(3).fill("skip no server was named"),
    );
  });

  test("shows a mandatory check that is left out, and does not say that all is well", async () => {
    const { exitCode, out } = await doctor(["--json", "--only", "platform,public.tools", "--skip", "public.tools"]);
    const report = JSON.parse(out);
    expect(exitCode).toBe(3);
    expect(report.checks.at(-1)).toMatchObject({
      id: "public.tools",
      status: "skip",
      message: "left out with --skip, though the verdict depends on it",
    });
  });

  test("gives each check exactly the keys of the format", async () => {
    const { out } = await doctor(["--json", "--only", "platform"]);
    const report = JSON.parse(out);
    expect(Object.keys(report)).toEqual([
      "version",
      "verdict",
      "vantage",
      "durationMs",
      "requests",
      "targets",
      "checks",
    ]);
    for (const check of report.checks) {
      expect(Object.keys(check)).toEqual([
        "id",
        "group",
        "target",
        "title",
        "status",
        "mandatory",
        "durationMs",
        "message",
        "facts",
        "reproduce",
        "hint",
        "docs",
      ]);
    }
  });

  test("prints JSON of the schema that is shipped, whatever was looked at", async () => {
    const schema = JSON.parse(readFileSync(new URL("../../../src/doctor/report.schema.json", import.meta.url), "utf8"));
    const validator = new Validator(schema, "7");
    for (const args of [[], ["https://127.0.0.1:9/mcp"], ["--only", "platform"]]) {
      const report = JSON.parse((await doctor(["--json", ...args])).out);
      expect(validator.validate(report).errors).toEqual([]);
      expect(validator.validate({ ...report, verdict: "maybe" }).valid).toBe(false);
      expect(validator.validate({ ...report, more: 1 }).valid).toBe(false);
    }
  });

  test("writes every report that is asked for, and appends the job's summary", async () => {
    const summary = join(home, "summary.md");
    writeFileSync(summary, "before\n");
    const args = ["junit", "sarif", "markdown", "html"].flatMap((kind) => ["--report", `${kind}=${kind}.out`]);
    const { exitCode, error } = await doctor(["--only", "tailnet.tools", ...args, "--report", "github"], {
      GITHUB_STEP_SUMMARY: summary,
    });
    expect(exitCode).toBe(3);
    const starts = ["junit", "sarif", "markdown", "html"].map((kind) =>
      readFileSync(join(home, `${kind}.out`), "utf8"),
    );
    expect(starts.map((text) => text.slice(0, 9))).toEqual(["<?xml ver", '{\n  "$sch', "## tsmcp ", "<!doctype"]);
    expect(error).toMatch(/^::warning file=tsmcp\.config\.json,line=1,col=1,title=tailnet\.tools::no server was named/);
    expect(readFileSync(summary, "utf8")).toMatch(/^before\n## tsmcp doctor: unknown\n/);
  });

  test("takes a report from a variable", async () => {
    await doctor(["--only", "platform.node"], { TSMCP_REPORT: "junit=by-variable.xml" });
    expect(readFileSync(join(home, "by-variable.xml"), "utf8")).toContain("<testsuites ");
  });

  test("looks at nothing when a report or the lock cannot be written", async () => {
    for (const args of [
      ["--report", "html=no/such/x.html"],
      ["--update-lock", "--lock", "no/such/lock.json"],
    ]) {
      const { exitCode, out, error } = await doctor(args);
      expect({ exitCode, out }).toEqual({ exitCode: 1, out: "" });
      expect(error).toContain(`name another file with ${args[0] === "--report" ? "--report" : "--lock"}`);
    }
  });

  test("prints nothing when it is quiet and all is well", async () => {
    expect(await doctor(["--quiet", "--only", "platform.node"])).toEqual({ exitCode: 0, out: "", error: "" });
  });

  test("takes lists from variables", async () => {
    const { out } = await doctor(["--json"], { TSMCP_ONLY: "platform.node,platform.tun" });
    expect(JSON.parse(out).checks.map(({ id }: { id: string }) => id)).toEqual(["platform.node", "platform.tun"]);
  });

  test("examines every configured server", async () => {
    writeFileSync(
      join(home, "mine.json"),
      JSON.stringify({
        servers: { red: { tailnetUrl: "https://127.0.0.1:9/mcp" }, blue: { tailnetUrl: "https://127.0.0.1:9/x" } },
      }),
    );
    const { out, exitCode } = await doctor([
      "--json",
      "--config",
      join(home, "mine.json"),
      "--only",
      "tailnet",
      "--skip",
      "tailscale,proxy",
    ]);
    const report = JSON.parse(out);
    expect(exitCode).toBe(1);
    expect(report.targets.map(({ name }: { name: string }) => name)).toEqual(["red", "blue"]);
    expect(report.checks.find(({ status }: { status: string }) => status === "fail")).toMatchObject({
      id: "tailnet.dial",
      target: "red",
      status: "fail",
    });
  });

  test("lists and explains every check", async () => {
    const list = await doctor(["--list-checks"]);
    expect(list.out).toMatch(/^separation\.smuggling .*\(in a sandbox only, with --intrusive\)$/m);
    const ids = list.out
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split(" ")[0] ?? "");
    expect(ids).toContain("separation.host-header");
    for (const id of ids) {
      const { exitCode, out } = await doctor(["--explain", id]);
      expect(exitCode).toBe(0);
      expect(out).toMatch(/^.+: .+\n\nProves {2}.+\.\nBreaks {2}.+\nMend {4}.+\n/);
    }
  });

  test("looks again until the time is up while things are still coming up", async () => {
    const { exitCode, out } = await doctor([
      "https://127.0.0.1:9/mcp",
      "--json",
      "--only",
      "tailnet.dial",
      "--skip",
      "tailscale,proxy",
      "--wait",
      "50ms",
    ]);
    expect(exitCode).toBe(1);
    expect(JSON.parse(out).durationMs).toBeGreaterThanOrEqual(50);
  });
});
