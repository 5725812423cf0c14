import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { serversOf } from "../../../src/config/servers.ts";
import { TsmcpError } from "../../../src/core/errors.ts";

let root = "";
let home = "";
let project = "";

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "tsmcp-config-")));
  home = join(root, "home");
  project = join(home, "project");
  mkdirSync(join(project, "deep/er"), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

const load = (options: { cwd?: string; configFile?: string; env?: Record<string, string> } = {}) =>
  loadConfig({ env: { HOME: home, ...options.env }, cwd: options.cwd ?? project, configFile: options.configFile });

const named = (...names: string[]): string =>
  JSON.stringify({
    servers: Object.fromEntries(names.map((name) => [name, { tailnetUrl: `https://${name}.t.ts.net` }])),
  });

function failure(run: () => unknown): TsmcpError {
  try {
    run();
  } catch (error) {
    if (error instanceof TsmcpError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("loadConfig", () => {
  test("has no source when there is no file", () => {
    expect(load()).toEqual({ sources: [] });
  });

  test("finds the file above the working directory, and trusts it not, when --config is not given", () => {
    writeFileSync(join(project, "tsmcp.config.json"), named("a"));
    expect(load({ cwd: join(project, "deep/er") }).sources).toMatchObject([
      { path: join(project, "tsmcp.config.json"), trusted: false },
    ]);
  });

  test("does not look beyond the home directory when it starts in it", () => {
    writeFileSync(join(root, "tsmcp.config.json"), named("a"));
    expect(load().sources).toEqual([]);
    expect(load({ env: { HOME: root } }).sources).toHaveLength(1);
  });

  test.runIf(process.getuid?.() === 0)("does not look into a directory of another owner", () => {
    chownSync(join(project, "deep"), 12345, 12345);
    chownSync(join(project, "deep/er"), 12345, 12345);
    writeFileSync(join(project, "tsmcp.config.json"), named("a"));
    expect(load({ cwd: join(project, "deep/er") }).sources).toEqual([]);
  });

  test.runIf(process.getuid?.() === 0)("passes over a file that a stranger put into a shared directory", () => {
    writeFileSync(join(project, "tsmcp.config.json"), named("a"));
    chownSync(join(project, "tsmcp.config.json"), 12345, 12345);
    expect(load().sources).toEqual([]);
  });

  test("reads only the file of --config, and trusts it, when one is given", () => {
    writeFileSync(join(project, "tsmcp.config.json"), named("a"));
    writeFileSync(join(project, "other.json"), '{"tailscale": {"loginServer": "https://x.example"}}');
    expect(load({ configFile: "other.json" }).sources).toMatchObject([
      { path: join(project, "other.json"), trusted: true, config: { tailscale: { loginServer: "https://x.example" } } },
    ]);
  });

  test("puts the user's own file before the one found upwards when both name a server", () => {
    mkdirSync(join(home, ".config/tsmcp"), { recursive: true });
    writeFileSync(join(home, ".config/tsmcp/config.json"), named("a"));
    writeFileSync(join(project, "tsmcp.config.json"), named("a", "b"));
    const servers = serversOf(load());
    expect([...servers.values()].map(({ name, trusted }) => [name, trusted])).toEqual([
      ["a", true],
      ["b", false],
    ]);
  });

  test("reads the user's own file below XDG_CONFIG_HOME when that is set", () => {
    mkdirSync(join(root, "xdg/tsmcp"), { recursive: true });
    writeFileSync(join(root, "xdg/tsmcp/tsmcp.config.json"), named("a"));
    expect(load({ env: { XDG_CONFIG_HOME: join(root, "xdg") } }).sources).toMatchObject([{ trusted: true }]);
  });

  test("takes a byte order mark and counts columns without it when the file starts with one", () => {
    writeFileSync(join(project, "tsmcp.config.json"), '\uFEFF{"agent": []}');
    expect(failure(load).message).toBe(`${project}/tsmcp.config.json:1:2: agent: unknown key (did you mean "agents"?)`);
  });

  test("names every defect when there are several", () => {
    writeFileSync(join(project, "tsmcp.config.json"), '{\n  "agents": 1,\n  "server": {}\n}');
    const error = failure(load);
    expect(error).toMatchObject({ code: "config-invalid", exitCode: 2 });
    expect(error.message.replaceAll(project, "")).toBe(
      '/tsmcp.config.json has 2 defects\n  /tsmcp.config.json:2:3: agents: expected array\n  /tsmcp.config.json:3:3: server: unknown key (did you mean "servers"?)',
    );
  });

  test("asks for --config when the file found upwards sets more than it may", () => {
    writeFileSync(join(project, "tsmcp.config.json"), '{"gateway": {}}');
    expect(failure(load)).toMatchObject({
      code: "config-untrusted",
      exitCode: 2,
      hint: expect.stringContaining("pass --config"),
    });
  });

  test.each([
    ["a directory", (path: string) => mkdirSync(path), "is a directory"],
    ["not UTF-8", (path: string) => writeFileSync(path, Buffer.from([0x7b, 0xff, 0x7d])), "is not UTF-8"],
    ["10 MB", (path: string) => writeFileSync(path, " ".repeat(10_000_000)), "is larger than 1 MiB"],
    ["a link to a device", (path: string) => symlinkSync("/dev/zero", path), "is not a regular file"],
  ])("refuses the file when it is %s", (_title, make, reason) => {
    make(join(project, "tsmcp.config.json"));
    expect(failure(load)).toMatchObject({ code: "config-invalid", message: `${project}/tsmcp.config.json ${reason}` });
  });

  test("refuses --config when the file does not exist", () => {
    expect(failure(() => load({ configFile: "none.json" }))).toMatchObject({ code: "config-invalid" });
  });
});
