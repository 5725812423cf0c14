import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AgentPlan, applyAgentFile, planAgentFiles, removeAgentEntries } from "../../../src/agents/agent-files.ts";
import type { AgentDialect } from "../../../src/agents/dialect.ts";
import { agentDialects } from "../../../src/agents/registry.ts";

let workspace = "";
beforeEach(() => {
  workspace = realpathSync(mkdtempSync(join(tmpdir(), "tsmcp-dialects-")));
});
afterEach(() => rmSync(workspace, { recursive: true }));

const server = { name: "notes", url: "https://n.t.ts.net:8443/mcp/notes" };

function up(
  dialect: AgentDialect,
  options: { kind?: "bridge" | "url"; recorded?: AgentPlan["records"] } = {},
): AgentPlan {
  const plan = planAgentFiles({
    workspace,
    agents: [dialect],
    servers: [server],
    kind: options.kind ?? "bridge",
    launcher: { command: process.execPath, leadingArgs: [] },
    env: {},
    recorded: options.recorded ?? [],
  });
  for (const file of plan.files) applyAgentFile(file);
  return plan;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(workspace, path)), { recursive: true });
  writeFileSync(join(workspace, path), text);
}
const read = (path: string): string => readFileSync(join(workspace, path), "utf8");
const detailsOf = (plan: AgentPlan): string[] =>
  plan.files.flatMap(({ outcomes }) => outcomes.map(({ detail }) => detail));

test.each(agentDialects)("$name: the file is written, kept by the next up, and gone after down", (dialect) => {
  const first = up(dialect);
  expect(read(dialect.path).replaceAll(process.execPath, "tsmcp")).toMatchSnapshot();
  expect(up(dialect, { recorded: first.records }).files.map(({ changes }) => changes)).toEqual([false]);
  expect(detailsOf(up(dialect))).toEqual([`notes is in ${dialect.path}`]);
  expect(removeAgentEntries(first.records)).toMatchObject([{ removed: ["notes"], problem: undefined }]);
  expect(() => read(dialect.path)).toThrowError("ENOENT");
});

test.each(agentDialects)("$name: an entry that is a url is read back as one", (dialect) => {
  up(dialect, { kind: "url" });
  expect(detailsOf(up(dialect, { kind: "url" }))).toEqual([`notes is in ${dialect.path}`]);
  expect(detailsOf(up(dialect))[0]).toMatch(/^left notes .* is a url/);
});

test.each(agentDialects)(
  "$name: one of our form that cannot be started is mended, and somebody's own is not",
  (dialect) => {
    up(dialect);
    write(dialect.path, read(dialect.path).replace(JSON.stringify(process.execPath), '"/gone/tsmcp"'));
    expect(detailsOf(up(dialect))).toEqual([
      `mended notes in ${dialect.path}: it starts "/gone/tsmcp", which is not there`,
    ]);
    expect(read(dialect.path)).toContain(process.execPath);
  },
);

test.each(agentDialects)("$name: an entry that was switched off is kept, and that is said", (dialect) => {
  up(dialect);
  const off = dialect.format === "json" ? '"enabled": false, "command"' : "enabled = false\ncommand";
  const own = dialect.format === "json" ? '"command"' : "command";
  write(dialect.path, read(dialect.path).replace(own, off));
  expect(detailsOf(up(dialect))).toEqual([`notes is in ${dialect.path}, where somebody switched it off`]);
});

test("an entry that the agent's settings keep from being used is written, and that is said", () => {
  write(".cursor/environment.json", '// why\n{ "disableAllMcpServers": true }');
  const cursor = agentDialects.filter(({ name }) => name === "cursor");
  const details = cursor.flatMap((dialect) => detailsOf(up(dialect)));
  expect(details).toEqual([
    "wrote notes into .cursor/mcp.json, but .cursor/environment.json switches all MCP servers off (disableAllMcpServers)",
  ]);
});
