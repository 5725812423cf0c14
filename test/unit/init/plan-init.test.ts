import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse as parseToml } from "smol-toml";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { parseJsonc } from "../../../src/config/jsonc.ts";
import { applyInit, type InitPlan, planInit } from "../../../src/init/plan-init.ts";
import { findSubject, initSubjects } from "../../../src/init/subjects.ts";

let workspace = "";
beforeEach(() => {
  workspace = realpathSync(mkdtempSync(join(tmpdir(), "tsmcp-init-")));
});
afterEach(() => rmSync(workspace, { recursive: true }));

const servers = [
  { name: "notes", url: "https://n.t.ts.net:8443/mcp/notes" },
  { name: "wiki", url: "https://n.t.ts.net:8443/w?a=1&b='2'" },
];

function init(name: string, options: { force?: boolean; apply?: boolean } = {}): InitPlan {
  const subject = findSubject(name);
  const words = { workspace, servers };
  const plan = planInit(subject.outputs(words), { ...words, force: options.force === true, env: {} });
  if (options.apply !== false) applyInit(plan);
  return plan;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(workspace, path)), { recursive: true });
  writeFileSync(join(workspace, path), text);
}
const read = (path: string): string => readFileSync(join(workspace, path), "utf8");
const allFiles = (): string[] =>
  readdirSync(workspace, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(workspace.length + 1))
    .sort();

describe.each(initSubjects)("init $name", ({ name, side }) => {
  test("writes files that can be read, or something to paste, and changes nothing the second time", () => {
    const { files, pastes } = init(name);
    expect(files.length + pastes.length).toBeGreaterThan(0);
    expect(files.map(({ path }) => path).sort()).toEqual(allFiles());
    for (const path of allFiles()) expectReadable(path, read(path));
    expect([...files.map(({ text }) => text), ...pastes.map(({ text }) => text)].join("")).not.toMatch(/@[A-Z_]+@/);
    expect(init(name).files.map(({ outcome }) => outcome)).toEqual(files.map(() => "kept"));
  });

  test("names no path of this machine and no secret", () => {
    const { files, pastes } = init(name);
    const text = [...files, ...pastes].map((one) => one.text).join("\n");
    expect(text).not.toContain(workspace);
    expect(text).not.toMatch(/tskey-|\/home\//);
    expect(text.includes(servers[0]?.url ?? "")).toBe(side === "agent");
  });
});

function expectReadable(path: string, text: string): void {
  if (path.endsWith(".json")) expect(parseJsonc(text).status).toBe("ok");
  else if (path.endsWith(".toml")) expect(() => parseToml(text)).not.toThrow();
  else if (/\.ya?ml$/.test(path)) expect(parseAllDocuments(text, { strict: true }).flatMap(errorsOf)).toEqual([]);
  else expect(path).toMatch(/\.(sh|md|service)$|Dockerfile$/);
}

function errorsOf(document: unknown): readonly unknown[] {
  return typeof document === "object" && document !== null && "errors" in document && Array.isArray(document.errors)
    ? document.errors
    : ["not a document"];
}

test("a reader of GitLab's jobs, with GitLab's schema, takes the job and no other", { timeout: 60_000 }, () => {
  init("gitlab-ci");
  spawnSync("git", ["init", "--quiet", workspace], { env: { PATH: process.env.PATH } });
  spawnSync("git", ["-C", workspace, "remote", "add", "origin", "git@gitlab.com:group/project.git"]);
  const list = (file: string) =>
    runReader(node24, [reader("gitlab-ci-local/dist/index.js"), "--file", file, "--list-json"]);
  const { status, stdout } = list(".gitlab/tsmcp.yml");
  expect([status, JSON.parse(stdout.slice(stdout.indexOf("[\n")))]).toMatchObject([0, [{ name: "tsmcp-doctor" }]]);
  write("other.yml", read(".gitlab/tsmcp.yml").replace("  script:", "  scirpt:"));
  expect(list("other.yml").status).toBe(1);
});

test("the dev containers' own program reads the container as it was meant", { timeout: 60_000 }, () => {
  init("codespaces");
  const { status, stdout } = runReader(process.execPath, [
    reader("@devcontainers/cli/devcontainer.js"),
    ...["read-configuration", "--workspace-folder", workspace, "--docker-path", "/bin/true"],
  ]);
  const { configuration } = JSON.parse(stdout);
  expect([status, configuration]).toMatchObject([0, JSON.parse(read(".devcontainer/devcontainer.json"))]);
});

const testFolder = fileURLToPath(new URL("../..", import.meta.url));
const node24 = join(testFolder, "nodes/node_modules/node-24/bin/node");
const reader = (path: string): string => join(testFolder, "readers/node_modules", path);

function runReader(node: string, args: readonly string[]) {
  const env = { PATH: process.env.PATH, HOME: workspace };
  return spawnSync(node, args, { cwd: workspace, env, encoding: "utf8" });
}

describe("what is there already", () => {
  test("is not replaced when a file of ours differs, and nothing else is written", () => {
    write(".github/workflows/tsmcp.yml", "mine\n");
    expect(() => init("github-actions")).toThrowError(
      expect.objectContaining({ code: "usage-invalid", message: expect.stringContaining("is there already") }),
    );
    expect(allFiles()).toEqual([".github/workflows/tsmcp.yml"]);
    init("github-actions", { force: true });
    expect(read(".github/workflows/tsmcp.yml")).toContain("tsmcp doctor");
  });

  test("stays when environment.json has a start of its own, and what to add is told", () => {
    const own = '{\n  // ours\n  "start": "npm run dev"\n}\n';
    write(".cursor/environment.json", own);
    expect(() => init("cursor")).toThrowError(
      expect.objectContaining({ code: "usage-invalid", hint: expect.stringContaining("tsmcp up --server notes=") }),
    );
    expect(read(".cursor/environment.json")).toBe(own);
    expect(allFiles()).toEqual([".cursor/environment.json"]);
  });

  test("is kept beside ours in settings, agents' files and texts", () => {
    write(".claude/settings.json", '{\n  "permissions": { "allow": ["Bash"] } // mine\n}\n');
    write(".mcp.json", '{\n  "mcpServers": {\n    "other": { "command": "x" }\n  }\n}\n');
    write("CLAUDE.md", "# Mine\n");
    init("claude");
    expect(read(".claude/settings.json")).toContain('"permissions": { "allow": ["Bash"] }, // mine');
    expect(Object.keys(JSON.parse(read(".mcp.json")).mcpServers)).toEqual(["other", "notes", "wiki"]);
    expect(read("CLAUDE.md")).toMatch(/^# Mine\n\n<!-- tsmcp -->\n/);
    expect(statSync(join(workspace, ".claude/hooks/tsmcp-session-start.sh")).mode & 0o111).toBe(0o111);
  });

  test("is told when it keeps the agent from its servers", () => {
    write(".cursor/environment.json", '{ "disableAllMcpServers": true }');
    expect(
      init("cursor")
        .files.map(({ detail }) => detail)
        .join(""),
    ).toContain("switches all MCP servers off");
  });

  test("is read only as far as the file can be", () => {
    write(".vscode/mcp.json", "{");
    expect(() => init("vscode")).toThrowError(expect.objectContaining({ code: "agent-config-invalid" }));
  });
});

test("findSubject names the nearest template when one is unknown", () => {
  expect(() => findSubject("gitlab")).toThrowError(
    expect.objectContaining({ code: "usage-invalid", hint: 'did you mean "gitlab-ci"?' }),
  );
});
