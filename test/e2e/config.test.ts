import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Outcome, tsmcp } from "./tsmcp.ts";

let root = "";
let workspace = "";
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "tsmcp-e2e-config-")));
  workspace = join(root, "work");
  mkdirSync(workspace);
});
afterEach(() => rmSync(root, { recursive: true }));

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const outcome = await tsmcp(args, { workspace, env: { HOME: root, PATH: process.env.PATH ?? "", ...env } });
  const told = (text: string): string => text.replaceAll(root, "HOME");
  return { ...outcome, stdout: told(outcome.stdout), stderr: told(outcome.stderr) };
}

describe("tsmcp config", () => {
  test("prints every effective value with its origin when files, environment and defaults mix", async () => {
    mkdirSync(join(root, ".config/tsmcp"), { recursive: true });
    writeFileSync(join(root, ".config/tsmcp/config.json"), '{ "tailscale": { "loginServer": "https://c.example" } }');
    writeFileSync(
      join(workspace, "tsmcp.config.json"),
      '{\n  "servers": { "notes": { "tailnetUrl": "https://N.t.ts.net.:8443/mcp" } },\n  "tailscale": { "hostname": "repo" }\n}',
    );
    const outcome = await run(["config"], { TSMCP_EXPORT: "none", TS_AUTHKEY: "tskey-auth-secret" });
    expect([outcome.exitCode, outcome.stderr]).toEqual([0, ""]);
    expect(outcome.stdout).toMatchInlineSnapshot(`
      "servers.notes.tailnetUrl  "https://n.t.ts.net:8443/mcp"  (HOME/work/tsmcp.config.json:2:16)
      servers.notes.publicUrl   "https://n.t.ts.net/mcp"  (from tailnetUrl in HOME/work/tsmcp.config.json:2:16)
      agents                    ["auto"]  (default)
      tailscale.hostname        "repo"  (HOME/work/tsmcp.config.json:3:18)
      tailscale.advertiseTags   []  (default)
      tailscale.acceptRoutes    false  (default)
      tailscale.loginServer     "https://c.example"  (HOME/.config/tsmcp/config.json:1:18)
      tailscale.version         null  (default)
      tailscale.mirror          "https://pkgs.tailscale.com/stable/"  (default)
      tailscale.sha256          []  (default)
      proxy.listen              "127.0.0.1:1055"  (default)
      proxy.exports             "none"  (TSMCP_EXPORT)
      TS_AUTHKEY                "(set)"  (TS_AUTHKEY)
      "
    `);
    expect(JSON.parse((await run(["config", "--json"])).stdout)).toMatchObject({
      files: [
        { path: "HOME/.config/tsmcp/config.json", trusted: true },
        { path: "HOME/work/tsmcp.config.json", trusted: false },
      ],
    });
  });

  test("names every defect at once, with its place, when the file is malformed", async () => {
    writeFileSync(
      join(workspace, "tsmcp.config.json"),
      '{\n  "agents": ["curser"],\n  "server": {},\n  "servers": { "a b": {}, "c": { "tailnetUrl": 5 } }\n}',
    );
    const outcome = await run(["config"]);
    expect([outcome.exitCode, outcome.stdout]).toEqual([2, ""]);
    expect(outcome.stderr).toMatchInlineSnapshot(`
      "tsmcp: error: HOME/work/tsmcp.config.json has 5 defects
        HOME/work/tsmcp.config.json:2:14: agents.0: expected one of "cursor", "claude", "codex", "copilot-cli", "gemini", "vscode", "zed", "auto"
        HOME/work/tsmcp.config.json:3:3: server: unknown key (did you mean "servers"?)
        HOME/work/tsmcp.config.json:4:16: servers.a b: not a name that is allowed here
        HOME/work/tsmcp.config.json:4:16: servers.a b: expected tailnetUrl, publicUrl or both
        HOME/work/tsmcp.config.json:4:34: servers.c.tailnetUrl: expected string
      tsmcp: hint: mend the file there, or pass --config with another one
      "
    `);
  });

  test("needs --config for what a repository may not set", async () => {
    writeFileSync(join(workspace, "tsmcp.config.json"), '{ "tailscale": { "loginServer": "https://evil.example" } }');
    const found = await run(["config"]);
    expect([found.exitCode, found.stdout]).toEqual([2, ""]);
    expect(found.stderr).toMatchInlineSnapshot(`
      "tsmcp: error: HOME/work/tsmcp.config.json:1:18: tailscale.loginServer: a file that comes with a repository may not set this
      tsmcp: hint: pass --config to use this file, if you trust who wrote it
      "
    `);
    const named = await run(["config", "--config", "tsmcp.config.json"]);
    expect(named.stdout).toContain('"https://evil.example"  (HOME/work/tsmcp.config.json:1:18)');
    const byVariable = await run(["config"], { TSMCP_CONFIG: "tsmcp.config.json" });
    expect(byVariable.stdout).toBe(named.stdout);
  });
});

describe("without a tailnet", () => {
  test.each(["sh", "fish", "json", "github", "dotenv"])(
    "tsmcp env prints nothing for %s, and exits 1",
    async (shell) => {
      const outcome = await run(["env", "--shell", shell]);
      expect([outcome.exitCode, outcome.stdout]).toEqual([1, ""]);
      expect(outcome.stderr).toContain("tsmcp: error: the tailnet does not answer through any proxy");
      expect(readdirSync(root)).toEqual(["work"]);
    },
  );

  test("tsmcp run exits 125, and does not start the program", async () => {
    const outcome = await run(["run", "--", "touch", "started"]);
    expect([outcome.exitCode, outcome.stdout]).toEqual([125, ""]);
    expect(readdirSync(workspace)).toEqual([]);
  });

  test("tsmcp env is exit 2 when the shell is unknown", async () => {
    expect((await run(["env", "--shell", "tcsh"])).exitCode).toBe(2);
  });
});
