import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "rolldown/utils";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const source = join(root, "src");

/** The order of DESIGN "Folders": a folder imports from layers above its own, and from itself. */
const layers: readonly (readonly string[])[] = [
  ["core"],
  ["config", "process", "net", "streams"],
  ["mcp", "tailscale"],
  ["agents"],
  ["doctor", "bootstrap", "bridge", "gateway", "expose", "init", "sandbox"],
  ["cli"],
];

/** Packages and modules of Node that only one place may import. */
const singleImporters: readonly { readonly module: RegExp; readonly place: RegExp }[] = [
  { module: /^ajv(\/|$)/, place: /^core\/schema\.ts$/ },
  { module: /^execa$/, place: /^process\// },
  { module: /^node:(net|tls|http|https|http2)$/, place: /^net\// },
  { module: /^socks-proxy-agent$/, place: /^net\// },
  { module: /^commander$/, place: /^cli\// },
  { module: /^zx(\/|$)/, place: /^bootstrap\/apply\// },
];

interface Import {
  readonly file: string;
  readonly module: string;
  /** The path below `src`, for a file of ours. */
  readonly target: string | undefined;
  readonly isType: boolean;
}

const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
const imports = files.flatMap(importsOf);

describe("the architecture", () => {
  it("is read whole", () => {
    expect(files.length).toBeGreaterThan(50);
    expect(imports.length).toBeGreaterThan(files.length);
  });

  it("has folders that import only from the layers above them", () => {
    const wrong = imports.filter(({ file, target }) => target !== undefined && !mayImport(file, target));
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it.each(singleImporters)("imports $module in $place only", ({ module, place }) => {
    const wrong = imports.filter((one) => module.test(one.module) && !one.isType && !place.test(one.file));
    expect(wrong.map((one) => `${one.file} imports ${one.module}`)).toEqual([]);
  });

  it("takes time-outs from core/timeout-signal.ts alone", () => {
    const wrong = files.filter((file) =>
      /^(?!\s*\*).*AbortSignal\.timeout\(/m.test(readFileSync(join(source, file), "utf8")),
    );
    expect(wrong).toEqual([join("core", "timeout-signal.ts")]);
  });

  it("knows every folder of src", () => {
    const folders = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map((folder) => folder.name).filter((name) => !layers.flat().includes(name))).toEqual([]);
  });

  it("has no import cycle between files", () => {
    const graph = new Map<string, string[]>();
    for (const { file, target, isType } of imports) {
      if (target !== undefined && !isType) graph.set(file, [...(graph.get(file) ?? []), target]);
    }
    expect(cycleIn(graph)).toEqual([]);
  });

  it("reads argv, the environment and the exit code in cli only", () => {
    const reading = /\bprocess\.(argv|env|exitCode|exit)\b/;
    const wrong = files.filter((file) => !file.startsWith("cli/") && reading.test(withoutComments(file)));
    expect(wrong).toEqual([]);
  });

  it("keeps the top level to what the design names", () => {
    const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
      cwd: root,
      encoding: "utf8",
    });
    const top = new Set(
      tracked
        .split("\n")
        .filter(Boolean)
        .map((file) => file.split("/")[0] ?? ""),
    );
    const allowed =
      /^(\..*|bin|src|templates|scripts|test|package\.json|package-lock\.json|tsconfig(\..*)?\.json|README\.md|LICENSE)$/;
    expect([...top].filter((name) => !allowed.test(name))).toEqual([]);
  });

  it("names no file for what it is not", () => {
    const vague = files.filter((file) => /(^|\/)(utils?|helpers?|common|types|manager|misc)(\/|\.ts$)/.test(file));
    expect(vague).toEqual([]);
  });
});

function mayImport(file: string, target: string): boolean {
  const from = folderOf(file);
  const to = folderOf(target);
  if (from === to || from === "index.ts") return true;
  const fromLayer = layers.findIndex((layer) => layer.includes(from));
  const toLayer = layers.findIndex((layer) => layer.includes(to));
  return toLayer !== -1 && toLayer < fromLayer;
}

function folderOf(file: string): string {
  return file.split("/")[0] ?? "";
}

function importsOf(file: string): Import[] {
  const path = join(source, file);
  const { module } = parseSync(path, readFileSync(path, "utf8"));
  const statics = module.staticImports.map((one) => ({
    module: one.moduleRequest.value,
    isType: one.entries.length > 0 && one.entries.every((entry) => entry.isType),
  }));
  const reexports = module.staticExports.flatMap((one) =>
    one.entries.flatMap((entry) =>
      entry.moduleRequest === null ? [] : [{ module: entry.moduleRequest.value, isType: entry.isType }],
    ),
  );
  const text = readFileSync(path, "utf8");
  const dynamics = module.dynamicImports.map((one) => ({
    module: text.slice(one.moduleRequest.start, one.moduleRequest.end).replaceAll(/^["']|["']$/g, ""),
    isType: false,
  }));
  return [...statics, ...reexports, ...dynamics].map((one) => ({ ...one, file, target: targetOf(path, one.module) }));
}

function targetOf(path: string, module: string): string | undefined {
  if (!module.startsWith(".")) return undefined;
  const target = relative(source, resolve(dirname(path), module));
  return target.startsWith("..") ? undefined : target;
}

/** Returns the files of one cycle, or nothing. */
function cycleIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    for (const target of graph.get(file) ?? []) {
      const cycle = visit(target, [...path, file]);
      if (cycle.length > 0) return cycle;
    }
    done.add(file);
    return [];
  };
  for (const file of graph.keys()) {
    const cycle = visit(file, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

function withoutComments(file: string): string {
  return readFileSync(join(source, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
}
