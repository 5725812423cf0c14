import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const nodes = ["node-20", "node-22", "node-24"].map((name) => ({
  name,
  path: join(root, "test/nodes/node_modules", name, "bin/node"),
}));

let prefix: string;
let files: readonly string[];

beforeAll(() => {
  prefix = mkdtempSync(join(tmpdir(), "tsmcp-package-"));
  // The build is scripts/prepare's business; building here would pull dist away under the tests beside this one.
  const packed = npm(["pack", "--ignore-scripts", "--json", "--pack-destination", prefix], root);
  const [tarball] = JSON.parse(packed);
  files = tarball.files.map((file: { path: string }) => file.path);
  mkdirSync(join(prefix, "empty"));
  npm(["install", "--offline", "--no-audit", "--no-fund", join(prefix, tarball.filename)], join(prefix, "empty"));
});

afterAll(() => rmSync(prefix, { recursive: true, force: true }));

describe("the packed package", () => {
  it("brings no dependency with it", () => {
    const manifest = JSON.parse(readFileSync(join(prefix, "empty/node_modules/tsmcp/package.json"), "utf8"));
    expect(manifest.dependencies ?? {}).toEqual({});
    const tree = JSON.parse(npm(["ls", "--all", "--json"], join(prefix, "empty")));
    expect(Object.keys(tree.dependencies)).toEqual(["tsmcp"]);
    expect(tree.dependencies.tsmcp.dependencies ?? {}).toEqual({});
  });

  it("holds the programs, the bundles, the types and the licences, and no source or test", () => {
    for (const file of [
      "bin/tsmcp",
      "dist/cli.js",
      "dist/bridge.cjs",
      "dist/start.cjs",
      "dist/index.js",
      "dist/sandbox.js",
      "dist/types/index.d.ts",
      "dist/types/sandbox/sandbox.d.ts",
      "dist/types/gateway/exposure/exposure.d.ts",
      "templates/library/node-http.mjs",
      "templates/sandbox/gate.test.mjs",
      "dist/config.schema.json",
      "dist/doctor-report.schema.json",
      "LICENSE",
    ]) {
      expect(files).toContain(file);
    }
    expect(files).toContain("dist/THIRD-PARTY-NOTICES.txt");
    expect(files.filter((file) => /^(src|test|scripts)\//.test(file))).toEqual([]);
  });

  it.each([
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ])("has types that hold in the strictest settings, with module %s", (module, moduleResolution) => {
    const directory = join(prefix, "empty", moduleResolution);
    mkdirSync(directory);
    writeFileSync(join(directory, "user.mts"), typedUser);
    const compilerOptions = {
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
      ...{ module, moduleResolution, target: "es2022", lib: ["es2022"], noEmit: true },
      ...{ types: ["node"], typeRoots: [join(root, "node_modules/@types")] },
    };
    writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["user.mts"] }));
    const tsc = join(root, "node_modules/.bin/tsc");
    const { status, stdout } = spawnSync(tsc, ["-p", directory], { encoding: "utf8" });
    // The one error is the user's own: what only the tailnet's view has is not to be had before it is asked for.
    expect(stdout).toMatch(/^[^\n]*user\.mts\(18,\d+\): error TS18048: 'seen\.caller' is possibly 'undefined'\.\n$/);
    expect(status).not.toBe(0);
  });

  // Other processors than x64 have no such package; there CI's answer is what counts.
  describe.each(nodes)("on $name", ({ path }) => {
    const available = existsSync(path) || process.env.CI === "true";

    it.runIf(available)("runs every command", () => {
      const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
      expect(run(path, "tsmcp", ["--version"])).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" });
      expect(run(path, "tsmcp-doctor", ["--list-checks"])).toMatchObject({ status: 0, stderr: "" });
      expect(run(path, "tsmcp-bootstrap", ["--help"])).toMatchObject({ status: 0, stderr: "" });
      expect(run(path, "tsmcp", ["up", "--dry-run", "--json"]).stdout).toContain('"steps"');
    });

    it.runIf(available)("ends the bridge with 0 when the agent closes its input", () => {
      const end = run(path, "tsmcp", ["bridge", "https://127.0.0.1:9/mcp", "--proxy", "none"]);
      expect(end).toMatchObject({ status: 0, stdout: "" });
    });

    it.runIf(available).each([
      ["import", "import('tsmcp').then((library) => console.log(typeof library.exposure))"],
      ["require", "console.log(typeof require('tsmcp').exposure)"],
    ])("offers the library to %s", (_how, code) => {
      const { status, stdout } = spawnSync(path, ["-e", code], { cwd: join(prefix, "empty"), encoding: "utf8" });
      expect({ status, stdout }).toEqual({ status: 0, stdout: "function\n" });
    });
  });
});

const typedUser = `import { createServer } from "node:http";
import { type Exposure, type ExposureOptions, exposure, type Seen, TsmcpError } from "tsmcp";
import { startSandbox } from "tsmcp/sandbox";

const options: ExposureOptions = { capability: "a.example/b", name: "x", rules: [{ who: ["*"], tools: ["*"] }] };
const tailnet: Exposure = exposure(options);
createServer(async (request, response) => {
  const seen: Seen = await tailnet.see(request, "private");
  if (seen.view === "public") return seen.answer(request, response);
  const login: string | undefined = seen.caller.login;
  return void response.end(seen.rights.may("tools", "x") ? login : "");
});
export async function web(request: Request): Promise<Response | undefined> {
  const seen = await tailnet.see(request, "public");
  return seen.view === "public" ? seen.response(request, await request.json()) : undefined;
}
export const early = async (request: Request, seen: Seen): Promise<string> =>
  \`\${request.url} \${seen.caller.node} \${TsmcpError.name} \${typeof startSandbox}\`;
`;

function npm(args: readonly string[], cwd: string): string {
  return execFileSync("npm", [...args, "--loglevel=error"], {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function run(
  node: string,
  command: string,
  args: readonly string[],
): { status: number | null; stdout: string; stderr: string } {
  const program = join(prefix, "empty/node_modules/tsmcp/bin", command);
  const home = join(prefix, "home");
  mkdirSync(home, { recursive: true });
  const env = { PATH: process.env.PATH ?? "", HOME: home };
  const { status, stdout, stderr } = spawnSync(node, [program, ...args], {
    encoding: "utf8",
    input: "",
    env,
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}
