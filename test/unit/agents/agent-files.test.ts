import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type AgentPlan,
  type AgentRequest,
  applyAgentFile,
  planAgentFiles,
  removeAgentEntries,
} from "../../../src/agents/agent-files.ts";
import { cursor } from "../../../src/agents/cursor.ts";
import { TsmcpError } from "../../../src/core/errors.ts";

let root = "";
let workspace = "";
let file = "";
const notes = { name: "notes", url: "https://n.t.ts.net:8443/mcp/notes" };
const wiki = { name: "wiki", url: "https://n.t.ts.net:8443/mcp/wiki" };

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "tsmcp-agents-")));
  workspace = join(root, "work");
  file = join(workspace, ".cursor/mcp.json");
  mkdirSync(workspace);
});
afterEach(() => rmSync(root, { recursive: true }));

const plan = (request: Partial<AgentRequest> = {}): AgentPlan =>
  planAgentFiles({
    workspace,
    agents: [cursor],
    servers: [notes],
    kind: "bridge",
    launcher: { command: "tsmcp", leadingArgs: [] },
    env: { PATH: process.env.PATH },
    recorded: [],
    ...request,
  });

function up(request: Partial<AgentRequest> = {}): AgentPlan {
  const planned = plan(request);
  for (const one of planned.files) applyAgentFile(one);
  return { ...planned, records: JSON.parse(JSON.stringify(planned.records)) };
}

function write(content: string | Buffer): void {
  mkdirSync(join(workspace, ".cursor"), { recursive: true });
  writeFileSync(file, content);
}

function failure(run: () => unknown): TsmcpError {
  try {
    run();
  } catch (error) {
    if (error instanceof TsmcpError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const outcomes = (planned: AgentPlan) => planned.files.flatMap((one) => one.outcomes.map(({ outcome }) => outcome));

describe("up", () => {
  test("makes the file and its directory, and down takes both away, when there was none", () => {
    const { records } = up();
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
      mcpServers: { notes: { command: "tsmcp", args: ["bridge", notes.url] } },
    });
    expect(readdirSync(join(workspace, ".cursor"))).toEqual(["mcp.json"]);
    expect(removeAgentEntries(records)).toMatchObject([{ removed: ["notes"], left: [], problem: undefined }]);
    expect(readdirSync(workspace)).toEqual([]);
  });

  test("changes nothing when it runs again, and down still knows what to take out", () => {
    const text = '\uFEFF{\r\n\t"mcpServers": {\r\n\t\t"other": {} // mine\r\n\t}\r\n}\r\n';
    write(text);
    const first = up();
    const written = readFileSync(file);
    const second = up({ recorded: first.records });
    expect(outcomes(second)).toEqual(["kept"]);
    expect(second.files[0]?.changes).toBe(false);
    expect(second.records).toEqual(first.records);
    expect(readFileSync(file)).toEqual(written);
    removeAgentEntries(second.records);
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  test("takes out a server that is no longer wanted, byte for byte", () => {
    write('{"mcpServers":{}}');
    const both = up({ servers: [notes, wiki] });
    const one = up({ servers: [wiki], recorded: both.records });
    expect(outcomes(one)).toEqual(["written", "removed"]);
    expect(Object.keys(JSON.parse(readFileSync(file, "utf8")).mcpServers)).toEqual(["wiki"]);
    removeAgentEntries(one.records);
    expect(readFileSync(file, "utf8")).toBe('{"mcpServers":{}}');
  });

  test("writes its entry anew when its form has changed", () => {
    const first = up();
    const second = up({ kind: "url", recorded: first.records });
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ mcpServers: { notes: { url: notes.url } } });
    removeAgentEntries(second.records);
    expect(existsSync(join(workspace, ".cursor"))).toBe(false);
  });

  test("leaves an entry of the same name when it is somebody's own", () => {
    write('{"mcpServers": {"notes": {"command": "sh", "args": ["https://other.example/mcp"]}}}');
    const planned = up();
    expect(outcomes(planned)).toEqual(["left"]);
    expect(planned.records).toEqual([]);
  });

  test("keeps mode and owner when it writes a file that was there", () => {
    write("{}");
    chmodSync(file, 0o640);
    if (process.getuid?.() === 0) chownSync(file, 1234, 4321);
    const before = statSync(file);
    up();
    const after = statSync(file);
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid]);
    expect(after.ino).not.toBe(before.ino);
  });

  test("writes the target when the file is a link inside the workspace", () => {
    mkdirSync(join(workspace, ".cursor"));
    writeFileSync(join(workspace, "shared.json"), "{}");
    symlinkSync("../shared.json", file);
    const { records } = up();
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(workspace, "shared.json"), "utf8")).toContain("notes");
    removeAgentEntries(records);
    expect(readFileSync(join(workspace, "shared.json"), "utf8")).toBe("{}");
  });

  test("refuses to write when somebody changed the file since it was read", () => {
    write("{}");
    const planned = plan();
    write('{ "mine": 1 }');
    expect(failure(() => planned.files.forEach(applyAgentFile))).toMatchObject({ code: "busy" });
    expect(readFileSync(file, "utf8")).toBe('{ "mine": 1 }');
  });
});

describe("down", () => {
  test("keeps a file that it made when somebody has put an entry of their own into it", () => {
    const { records } = up();
    const text = readFileSync(file, "utf8").replace('"mcpServers": {', '"mcpServers": {\n    "mine": {},');
    writeFileSync(file, text);
    removeAgentEntries(records);
    expect(readFileSync(file, "utf8")).toBe('{\n  "mcpServers": {\n    "mine": {}\n  }\n}\n');
  });

  test("says so, and leaves the entry, when somebody has changed it", () => {
    const { records } = up();
    writeFileSync(file, readFileSync(file, "utf8").replace("bridge", "other"));
    expect(removeAgentEntries(records)).toMatchObject([{ removed: [], left: ["notes"] }]);
    expect(readFileSync(file, "utf8")).toContain("other");
  });

  test("tells why, and goes on, when the file cannot be read any more", () => {
    const { records } = up();
    writeFileSync(file, "{");
    expect(removeAgentEntries(records)).toMatchObject([{ problem: expect.stringContaining("mcp.json:1:2: expected") }]);
  });

  test("does nothing when the file is gone, twice", () => {
    const { records } = up();
    rmSync(join(workspace, ".cursor"), { recursive: true });
    for (let times = 0; times < 2; times++) {
      expect(removeAgentEntries(records)).toMatchObject([{ removed: [], left: [], problem: undefined }]);
    }
  });
});

describe("a file that is refused", () => {
  const bad: [string, () => void, string][] = [
    ["not JSON", () => write('{\n  "mcpServers": {}\n]'), "/.cursor/mcp.json:3:1: expected a comma"],
    ["an array", () => write("[]"), "/.cursor/mcp.json:1:1: expected an object, found an array"],
    [
      "of another shape",
      () => write('{"mcpServers": []}'),
      "/.cursor/mcp.json:1:16: mcpServers: expected an object, found an array",
    ],
    ["not UTF-8", () => write(Buffer.from([0x7b, 0xe9, 0x7d])), '"/.cursor/mcp.json" is not UTF-8'],
    ["10 MB", () => write(`{"a": "${"x".repeat(10_000_000)}"}`), '"/.cursor/mcp.json" is larger than 1 MiB'],
    ["nested without end", () => write("[".repeat(500_000)), "/.cursor/mcp.json:1:101: nested deeper than 100 levels"],
    ["a directory", () => mkdirSync(file, { recursive: true }), '"/.cursor/mcp.json" is a directory'],
    ["below a file", () => writeFileSync(join(workspace, ".cursor"), ""), '"/.cursor" is not a directory'],
    [
      "read-only",
      () => {
        write("{}");
        chmodSync(file, 0o444);
      },
      '"/.cursor/mcp.json" is read-only',
    ],
    [
      "a link out of the workspace",
      () => {
        write("");
        rmSync(file);
        writeFileSync(join(root, "outside.json"), "{}");
        symlinkSync(join(root, "outside.json"), file);
      },
      '"/.cursor/mcp.json" is a symbolic link out of the workspace',
    ],
    [
      "in a directory that is a link out of the workspace",
      () => {
        mkdirSync(join(root, "elsewhere"));
        symlinkSync(join(root, "elsewhere"), join(workspace, ".cursor"));
      },
      '"/.cursor" is a symbolic link out of the workspace',
    ],
    [
      "a link to nothing",
      () => {
        mkdirSync(join(workspace, ".cursor"));
        symlinkSync("none.json", file);
      },
      '"/.cursor/mcp.json" is a symbolic link that leads nowhere (ENOENT)',
    ],
  ];

  test.each(bad)("is not touched, and the place is told, when it is %s", (_title, make, message) => {
    make();
    const before = fingerprint(root);
    const error = failure(() => up());
    expect(error).toMatchObject({ code: "agent-config-invalid", exitCode: 2 });
    expect(error.message.replaceAll(workspace, "")).toBe(message);
    expect(fingerprint(root)).toEqual(before);
  });
});

function fingerprint(directory: string): unknown[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const stat = lstatSync(join(directory, name));
      return [name, stat.ino, stat.mode, stat.size, stat.mtimeMs];
    });
}
