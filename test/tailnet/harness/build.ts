import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { oneAtATime } from "./one-at-a-time.ts";
import { type RunResult, run } from "./run.ts";

const source = fileURLToPath(new URL("..", import.meta.url));
const tailscale = "1.102.5";
const unusedAfterMs = 7 * 24 * 3600 * 1000;
const architecture = process.arch === "x64" ? "amd64" : process.arch;
const installGo = `curl -fsSL https://go.dev/dl/go1.26.8.${process.platform}-${architecture}.tar.gz | sudo tar -C /usr/local -xz`;

/** Builds `tailnet`, `tailscale` and `tailscaled` once and returns the folder they are in. */
export async function buildTailnet(): Promise<string> {
  const packages = [".", "tailscale.com/cmd/tailscale", "tailscale.com/cmd/tailscaled"];
  return builtOnce({
    name: fingerprint(await goVersion()),
    what: "tailscale, tailscaled and the test tailnet",
    build: (folder) => go(["build", ...stampedAs(tailscale), "-o", `${folder}/`, ...packages], 1_200_000),
  });
}

/** Builds `tailscale` and `tailscaled` of another version (`1.90.9`) once and returns the folder they are in. */
export async function buildRelease(version: string): Promise<string> {
  const packages = ["tailscale", "tailscaled"].map((name) => `tailscale.com/cmd/${name}@v${version}`);
  const hash = createHash("sha256").update(await goVersion());
  return builtOnce({
    name: `${version}-${hash.digest("hex").slice(0, 16)}`,
    what: `tailscale and tailscaled ${version}`,
    build: (folder) => go(["install", ...stampedAs(version), ...packages], 1_200_000, { GOBIN: folder }),
  });
}

interface Build {
  /** Of its folder in the cache. */
  readonly name: string;
  readonly what: string;
  readonly build: (folder: string) => Promise<RunResult>;
}

async function builtOnce({ name, what, build }: Build): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "tsmcp-tailnet");
  const folder = join(cache, name);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    await oneAtATime(`${folder}.lock`, async () => {
      if (existsSync(folder)) return;
      process.stderr.write(`tailnet: building ${what} (minutes the first time)\n`);
      await buildInto(folder, { cache, build });
    });
  }
  const now = new Date();
  utimesSync(folder, now, now);
  return folder;
}

async function goVersion(): Promise<string> {
  const asked = await go(["env", "GOVERSION", "GOOS", "GOARCH"], 300_000).catch((cause: unknown) => {
    throw new Error(`Go is missing, which builds the test tailnet; type: ${installGo}`, { cause });
  });
  if (asked.exitCode !== 0) throw new Error(`go env failed; a Go that fits: ${installGo}\n${asked.stderr}`);
  return asked.stdout;
}

/** Finds Go also where its own archive is unpacked, which is on few PATHs. */
function go(args: readonly string[], timeoutMs: number, more: NodeJS.ProcessEnv = {}): Promise<RunResult> {
  const env = { ...process.env, ...more, PATH: `${process.env.PATH ?? ""}:/usr/local/go/bin`, CGO_ENABLED: "0" };
  return run("go", args, { cwd: source, env, timeoutMs });
}

/** The name of one state of the sources, so that a change builds anew and going back does not. */
function fingerprint(version: string): string {
  const hash = createHash("sha256").update(version).update(tailscale);
  for (const file of readdirSync(source).sort()) {
    if (/(\.go|^go\.(mod|sum))$/.test(file) && !file.endsWith("_test.go")) {
      hash.update(`\0${file}\0`).update(readFileSync(join(source, file)));
    }
  }
  return hash.digest("hex").slice(0, 16);
}

/** Else it would call itself something else than the released one does. */
function stampedAs(version: string): readonly string[] {
  const stamp = ["longStamp", "shortStamp"].map((name) => `-X tailscale.com/version.${name}=${version}`).join(" ");
  return ["-buildvcs=false", "-ldflags", `-s -w ${stamp}`];
}

/** Builds beside the final place and renames, so that a killed build leaves nothing that looks finished. */
async function buildInto(
  folder: string,
  { cache, build }: { readonly cache: string } & Pick<Build, "build">,
): Promise<void> {
  prune(cache);
  const temporary = mkdtempSync(join(cache, "building-"));
  try {
    const built = await build(temporary);
    if (built.exitCode !== 0) throw new Error(`go build failed:\n${built.stderr}`);
    renameSync(temporary, folder);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Removes builds that nobody used for a week, and what killed builds left. */
function prune(cache: string): void {
  for (const name of readdirSync(cache)) {
    const path = join(cache, name);
    if (Date.now() - statSync(path).mtimeMs > unusedAfterMs) rmSync(path, { recursive: true, force: true });
  }
}
