import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { installExports, removeExports } from "../../../../src/bootstrap/exports/install.ts";
import type { ExportMode } from "../../../../src/config/config.ts";
import type { JsonObject } from "../../../../src/core/record.ts";

let root = "";
let home = "";
let env: Record<string, string> = {};

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "tsmcp-exports-")));
  home = join(root, "home");
  mkdirSync(home);
  mkdirSync(join(root, "bin"));
  env = { HOME: home, PATH: join(root, "bin"), GITHUB_ENV: join(root, "github-env") };
});
afterEach(() => rmSync(root, { recursive: true }));

const install = (mode: ExportMode, recorded: readonly JsonObject[] = [], port = 1055) =>
  installExports({ mode, proxy: { host: "127.0.0.1", port }, daemon: { pid: 77, startTicks: "5" }, recorded }, { env });
const files = (): string[] =>
  readdirSync(home, { recursive: true, encoding: "utf8" })
    .filter((name) => /^\.[^/]*$/.test(name))
    .sort();
const read = (name: string): string => readFileSync(join(home, name), "utf8");

test("profile makes a hook that leaves no file behind when the home was empty", () => {
  const installed = install("profile");
  expect(installed.changed).toBe(true);
  expect(files()).toEqual([".local", ".profile"]);
  const again = install("profile", installed.records);
  expect(again).toEqual({ ...installed, changed: false });
  removeExports(installed.records, { env });
  expect(files()).toEqual([".local"]);
  expect(readdirSync(join(home, ".local/state"))).toEqual([]);
});

test("profile writes for the shells that are there, and gives each file back byte for byte", () => {
  const profiles: Record<string, Buffer> = {
    ".bashrc": Buffer.from("case $- in *i*) ;; *) return ;; esac\nexport A=\xe9", "latin1"),
    ".bash_login": Buffer.from(""),
  };
  for (const [name, bytes] of Object.entries(profiles)) writeFileSync(join(home, name), bytes);
  chmodSync(join(home, ".bashrc"), 0o600);
  writeFileSync(join(root, "bin/zsh"), "", { mode: 0o755 });
  const { records } = install("profile");
  expect(files()).toEqual([".bash_login", ".bashrc", ".local", ".profile", ".zshenv"]);
  for (const name of files().filter((one) => one !== ".local")) expect(read(name)).toContain("proxy.sh");
  removeExports(records, { env });
  for (const [name, bytes] of Object.entries(profiles)) expect(readFileSync(join(home, name))).toEqual(bytes);
  expect(files()).toEqual([".bash_login", ".bashrc", ".local"]);
});

test("profile writes through a link when a profile is one", () => {
  writeFileSync(join(root, "dotfile"), "export A=1\n");
  symlinkSync(join(root, "dotfile"), join(home, ".profile"));
  const { records } = install("profile");
  expect(readFileSync(join(root, "dotfile"), "utf8")).toContain("proxy.sh");
  removeExports(records, { env });
  expect(readFileSync(join(root, "dotfile"), "utf8")).toBe("export A=1\n");
});

test("profile follows the proxy when it has moved", () => {
  const first = install("profile");
  const second = install("profile", first.records, 2055);
  expect(second.changed).toBe(true);
  const [script = ""] = second.files;
  expect(readFileSync(script, "utf8")).toContain("http://127.0.0.1:2055");
});

test("profile leaves a profile that is read-only, says so, and writes the others", () => {
  writeFileSync(join(home, ".bashrc"), "a\n", { mode: 0o444 });
  expect(install("profile").detail).toBe(
    `new shells use the proxy while it answers; left ${JSON.stringify(join(home, ".bashrc"))} is read-only`,
  );
  expect(read(".bashrc")).toBe("a\n");
  expect(read(".profile")).toContain("proxy.sh");
});

test("profile is refused when no profile can be written", () => {
  writeFileSync(join(home, ".profile"), "a\n", { mode: 0o444 });
  expect(() => install("profile")).toThrowError(expect.objectContaining({ code: "file-unwritable" }));
  expect(read(".profile")).toBe("a\n");
});

test("removal takes out a hook of an earlier boot when its file is gone, and leaves one that is in use", () => {
  const block = (script: string): string =>
    `# >>> tsmcp >>> written by "tsmcp up", removed by "tsmcp down"\nif [ -r ${script} ]; then . ${script}; fi\n# <<< tsmcp <<<\n`;
  writeFileSync(join(root, "used.sh"), "");
  writeFileSync(join(home, ".profile"), `a\n${block(join(root, "gone.sh"))}`);
  writeFileSync(join(home, ".bashrc"), block(join(root, "used.sh")));
  expect(removeExports([], { env })).toEqual({ files: [join(home, ".profile")], left: [] });
  expect(read(".profile")).toBe("a\n");
  expect(read(".bashrc")).toBe(block(join(root, "used.sh")));
});

test("github sets TSMCP_PROXY once, and blanks it again", () => {
  const { records } = install("github");
  expect(install("github", records)).toMatchObject({ changed: false, records });
  expect(readFileSync(join(root, "github-env"), "utf8")).toBe("TSMCP_PROXY=http://127.0.0.1:1055\n");
  removeExports(records, { env });
  expect(readFileSync(join(root, "github-env"), "utf8")).toBe("TSMCP_PROXY=http://127.0.0.1:1055\nTSMCP_PROXY=\n");
});

test("github-all sets every variable, and gives NO_PROXY back what it had", () => {
  env.NO_PROXY = "a.example";
  const { records } = install("github-all");
  expect(readFileSync(join(root, "github-env"), "utf8").split("\n")).toHaveLength(10);
  writeFileSync(join(root, "github-env"), "");
  removeExports(records, { env });
  expect(readFileSync(join(root, "github-env"), "utf8")).toMatch(/^NO_PROXY=a\.example$/m);
});

test("github-all sets only TSMCP_PROXY when the platform has a proxy", () => {
  env.https_proxy = "http://egress.example:3128";
  expect(install("github-all").detail).toBe("only TSMCP_PROXY, because https_proxy is set");
  expect(readFileSync(join(root, "github-env"), "utf8")).toBe("TSMCP_PROXY=http://127.0.0.1:1055\n");
});

test("github is refused when this is no job", () => {
  delete env.GITHUB_ENV;
  expect(() => install("github")).toThrowError(expect.objectContaining({ code: "usage-invalid" }));
});

test("another mode takes back what the one before did", () => {
  const { records } = install("profile");
  expect(install("none", records)).toMatchObject({ changed: true, records: [] });
  expect(existsSync(join(home, ".profile"))).toBe(false);
});
