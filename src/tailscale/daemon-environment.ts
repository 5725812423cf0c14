import { delimiter } from "node:path";
import type { Environment } from "../core/runtime-directory.ts";
import { trustedDirectories, workingDirectory } from "../core/search-path.ts";

/**
 * What tailscale's programs may see. Everything else stays out, because tailscaled obeys much that was meant for
 * others: `ALL_PROXY` for its own connections, `PORT`, `STATE_DIRECTORY`, `SSLKEYLOGFILE`, `TS_DEBUG_*`; and because
 * a key in its environment could be read as long as it runs.
 * Source: tailscale `net/netns/socks.go`, `cmd/tailscaled/tailscaled.go`, `paths/paths.go`.
 */
const allowed = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "LANG",
  "LC_ALL",
  "TZ",
  "TMPDIR",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "TS_NO_LOGS_NO_SUPPORT",
];

/** The proxies that control and relay connections honour. They can be the only way out of a machine. */
export const upstreamProxyVariables = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] as const;

const noProxyVariables = ["NO_PROXY", "no_proxy"];

/**
 * Returns the environment of tailscaled and of `tailscale`, from ours by allow-list. `deadProxies` are the values of
 * proxy variables that must not be handed on: nobody answers there, or they are the proxy that we are about to start. They start programs
 * of their own, so their `PATH` has nothing that a repository put there.
 */
export function daemonEnvironment({
  env,
  logsDir,
  deadProxies,
  cwd = workingDirectory(),
}: {
  readonly env: Environment;
  readonly logsDir: string;
  readonly deadProxies: readonly string[];
  readonly cwd?: string | undefined;
}): Record<string, string> {
  const proxies = upstreamProxyVariables.filter((name) => !deadProxies.includes(env[name] ?? ""));
  const entries = [...allowed, ...proxies, ...noProxyVariables].flatMap((name): [string, string][] => {
    const value = name === "PATH" && env.PATH !== undefined ? searchPath(env.PATH, env, cwd) : env[name];
    return value === undefined || value === "" ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(entries), TS_LOGS_DIR: logsDir };
}

function searchPath(path: string, env: Environment, cwd: string | undefined): string {
  return trustedDirectories(path, { env, cwd }).join(delimiter);
}
