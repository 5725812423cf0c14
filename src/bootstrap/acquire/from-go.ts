import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TsmcpError } from "../../core/errors.ts";
import { run } from "../../process/run.ts";
import { daemonEnvironment } from "../../tailscale/daemon-environment.ts";
import { locateProgram } from "../../tailscale/locate.ts";
import type { BootstrapWorld } from "../world.ts";
import { type ProgramName, temporaryName } from "./place.ts";

/** Two large programs, on a small machine. */
const buildLimitMs = 15 * 60_000;

/** What tells Go where modules come from and where it keeps things. Source: `go help environment`. */
const goVariables = [
  "GOPATH",
  "GOCACHE",
  "GOMODCACHE",
  "GOPROXY",
  "GONOPROXY",
  "GOSUMDB",
  "GONOSUMDB",
  "GOPRIVATE",
  "GOINSECURE",
  "GOFLAGS",
  "GOTOOLCHAIN",
  "GOROOT",
];

/** Returns the Go toolchain on PATH, or undefined. */
export function locateGo({ env }: BootstrapWorld): string | undefined {
  return locateProgram("go", env);
}

/**
 * Builds the two programs, with Go's own check of what it downloads, under temporary names in `directory`.
 * Throws `command-failed` with Go's last line.
 */
export async function buildWithGo(
  request: { readonly go: string; readonly version: string | undefined; readonly directory: string },
  world: BootstrapWorld,
): Promise<Readonly<Record<ProgramName, string>>> {
  const bin = mkdtempSync(join(request.directory, ".tsmcp-go-"));
  try {
    const version = request.version === undefined ? "latest" : `v${request.version}`;
    const end = await run({
      file: request.go,
      args: ["install", `tailscale.com/cmd/tailscale@${version}`, `tailscale.com/cmd/tailscaled@${version}`],
      env: { ...goEnvironment(world), GOBIN: bin },
      cwd: "/",
      timeoutMs: buildLimitMs,
      signal: world.signal,
    });
    if (end.kind !== "exited" || end.exitCode !== 0) {
      const reason = end.kind === "exited" ? (end.stderr.trim().split("\n").at(-1) ?? "") : end.kind;
      throw new TsmcpError({
        code: "command-failed",
        message: `go install did not build tailscale: ${reason.slice(0, 300)}`,
        hint: "check that Go reaches its module proxy, and that it is as new as tailscale needs",
      });
    }
    const paths = {
      tailscale: temporaryName(request.directory, "tailscale"),
      tailscaled: temporaryName(request.directory, "tailscaled"),
    };
    renameSync(join(bin, "tailscale"), paths.tailscale);
    renameSync(join(bin, "tailscaled"), paths.tailscaled);
    return paths;
  } finally {
    rmSync(bin, { recursive: true, force: true });
  }
}

function goEnvironment({ env }: BootstrapWorld): Record<string, string> {
  const own = goVariables.flatMap((name): [string, string][] => {
    const value = env[name];
    return value === undefined || value === "" ? [] : [[name, value]];
  });
  return { ...daemonEnvironment({ env, logsDir: "", deadProxies: [] }), ...Object.fromEntries(own) };
}
