import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type InputOptions, type OutputOptions, rolldown } from "rolldown";
import { run } from "./build/run.ts";
import { schemaValidator } from "./build/schema-validator.ts";
import { thirdPartyNotices } from "./build/third-party-notices.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = `${root}dist`;

const input: InputOptions = {
  cwd: root,
  platform: "node",
  plugins: [schemaValidator()],
  // jsonc-parser's "main" is UMD, which a bundler cannot see through.
  resolve: { mainFields: ["module", "main"] },
};
const output: OutputOptions = { dir: dist, format: "esm", minify: { mangle: false, compress: true, codegen: false } };

// Emptied first: chunk names change, and stale ones would be packed.
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
const modules = [
  // The bridge is on its own: it must start fast and load nothing of the others. CommonJS, because Node's loader of ES
  // modules costs 7 ms of the 25 that Node itself takes to start; `import()` would bring it in again.
  ...(await bundle("bridge", "src/cli/bridge-entry.ts", {
    codeSplitting: false,
    format: "cjs",
    entryFileNames: "[name].cjs",
    dynamicImportInCjs: false,
  })),
  ...(await bundle("start", "src/cli/bridge-start.ts", {
    codeSplitting: false,
    format: "cjs",
    entryFileNames: "[name].cjs",
  })),
  ...(await bundle("cli", "src/cli/cli-entry.ts", { chunkFileNames: "cli/[name]-[hash].js" })),
  ...(await bundle("sandbox", "src/sandbox/sandbox.ts", { chunkFileNames: "sandbox/[name]-[hash].js" })),
  ...(await bundle("index", "src/index.ts", { chunkFileNames: "index/[name]-[hash].js" })),
];
writeFileSync(`${dist}/THIRD-PARTY-NOTICES.txt`, thirdPartyNotices(root, modules));
cpSync(`${root}src/config/config.schema.json`, `${dist}/config.schema.json`);
cpSync(`${root}src/doctor/report.schema.json`, `${dist}/doctor-report.schema.json`);
run(process.execPath, [`${root}node_modules/typescript/bin/tsc`, "--project", `${root}tsconfig.build.json`]);
for (const name of ["bridge", "start"]) checkBridgeIsAlone(readFileSync(`${dist}/${name}.cjs`, "utf8"));

/** Writes one bundle and returns the modules that went into it. */
async function bundle(name: string, entry: string, extra: OutputOptions): Promise<string[]> {
  const built = await rolldown({ ...input, input: { [name]: `${root}${entry}` } });
  const { output: chunks } = await built.write({ ...output, ...extra });
  await built.close();
  return chunks.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
}

/** The agent's start depends on it, so a stray import fails the build and not a user. */
function checkBridgeIsAlone(code: string): void {
  const foreign = [...code.matchAll(/(?:(?<!")from|import\(|require\()\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
  const allowed = foreign.filter((name) => !name.startsWith("node:"));
  if (allowed.length > 0) throw new Error(`the bridge's bundle imports ${allowed.join(", ")}`);
}
