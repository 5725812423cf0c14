import { launcherFor } from "../agents/executable.ts";
import { agentOfThisMachine, selectAgents } from "../agents/registry.ts";
import { parseListenAddress } from "../bootstrap/listen-address.ts";
import { checkNodeSettings } from "../bootstrap/node-settings.ts";
import type { StateChoice, UpRequest } from "../bootstrap/request.ts";
import type { ExportMode } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { serverFromAssignment } from "../config/server.ts";
import { type ConfiguredServer, serversOf } from "../config/servers.ts";
import { type GivenSettings, settingsOf, variableText } from "../config/settings.ts";
import { TsmcpError } from "../core/errors.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { acquireRequest, listOf } from "./acquire-request.ts";
import type { CommandContext } from "./context.ts";
import { credentialOf } from "./credential.ts";
import { fromHere } from "./from-here.ts";

/** The options of `up` as commander hands them over. */
export interface UpOptions {
  readonly authKey?: string;
  readonly hostname?: string;
  readonly advertiseTags?: string;
  readonly loginServer?: string;
  readonly acceptRoutes?: boolean;
  readonly proxy?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly idToken?: string;
  readonly interactive?: boolean;
  readonly connectTo: readonly string[];
  readonly state?: "boot" | "persistent";
  readonly stateDir?: string;
  readonly timeout: number;
  readonly server: readonly string[];
  readonly export?: ExportMode;
  readonly agent: readonly string[];
  readonly workspace?: string;
  readonly entry?: "bridge" | "url";
  readonly shieldsUp?: boolean;
  readonly logsNoSupport?: boolean;
  readonly keepWarm?: boolean;
  readonly foreground?: boolean;
  readonly dryRun?: boolean;
  readonly verify?: boolean;
}

/**
 * Returns what `up` is asked for by options, environment and files, checked as a whole before anything is done.
 * Throws `usage-invalid`, `secret-invalid`, `config-invalid` and `config-untrusted`.
 */
export function upRequest(options: UpOptions, context: CommandContext): UpRequest {
  const loaded = loadConfig(context);
  const settings = settingsOf(
    {
      hostname: options.hostname,
      advertiseTags: options.advertiseTags === undefined ? undefined : listOf(options.advertiseTags),
      acceptRoutes: options.acceptRoutes,
      loginServer: options.loginServer,
      ...variableSources(context.env),
      proxy: options.proxy,
      exports: options.export,
      agents: options.agent.length === 0 ? undefined : options.agent,
    },
    loaded,
  );
  const workspace = workspaceOf(options, context);
  const state = stateChoice(options, context);
  const node = checkNodeSettings({
    loginServer: settings.loginServer,
    hostname: settings.hostname,
    advertiseTags: settings.advertiseTags,
    acceptRoutes: settings.acceptRoutes,
    shieldsUp: options.shieldsUp !== false,
  });
  return {
    node,
    acquire: acquireRequest(settings, undefined),
    credential: credentialOf(options, context.env, { node, state }),
    interactive: options.interactive === true,
    proxy: parseListenAddress(settings.proxy, "--proxy"),
    proxyIsExplicit:
      !isExportedProxy(options.proxy, context.env) &&
      (options.proxy !== undefined || loaded.sources.some(({ config }) => config.proxy?.listen !== undefined)),
    socket: context.socket === undefined ? undefined : fromHere(context.socket, "--socket", context),
    state,
    timeoutMs: options.timeout,
    noLogs: options.logsNoSupport === false,
    agents: {
      workspace,
      dialects: selectAgents(settings.agents, { env: context.env, workspace }),
      entry: options.entry ?? "bridge",
      launcher: launcherFor({ env: context.env, script: process.argv[1] ?? "", node: process.execPath }),
    },
    exports: exportMode(settings.exports, context.env),
    servers: requestedServers(options.server, serversOf(loaded)),
    verify: options.verify !== false,
    keepsWarm: options.keepWarm === true,
    dryRun: options.dryRun === true,
  };
}

/** `install` has options for these; `up` gets what is missing as that does. */
function variableSources(env: Environment): GivenSettings {
  const sha256 = variableText(env, "TSMCP_SHA256");
  return {
    tailscaleVersion: variableText(env, "TSMCP_TAILSCALE_VERSION"),
    mirror: variableText(env, "TSMCP_MIRROR"),
    sha256: sha256 === undefined ? undefined : listOf(sha256),
  };
}

/** Of a directory that is gone, `/` would be written to for it. */
function workspaceOf({ workspace, server }: UpOptions, context: CommandContext): string {
  return workspace === undefined && server.length === 0 && context.isCwdGone === true
    ? context.cwd
    : fromHere(workspace ?? ".", "--workspace", context);
}

/** The URL that `tsmcp env` put into an older shell tells where the proxy was, and asks for nothing. */
function isExportedProxy(proxy: string | undefined, env: Environment): boolean {
  return proxy?.includes("://") === true && proxy === variableText(env, "TSMCP_PROXY");
}

/** Those of the configuration, and those of the command line, which win by name. */
function requestedServers(
  assignments: readonly string[],
  configured: ReadonlyMap<string, ConfiguredServer>,
): readonly ConfiguredServer[] {
  const servers = new Map(configured);
  for (const assignment of assignments) {
    const server = serverFromAssignment(assignment, "--server");
    servers.set(server.name, { ...server, origin: "--server", trusted: true });
  }
  return [...servers.values()];
}

/** In a known agent VM the agent's shells are to reach the tailnet; elsewhere nobody asked for it. */
function exportMode(mode: ExportMode | undefined, env: Environment): ExportMode {
  const chosen = mode ?? (agentOfThisMachine(env) === undefined ? "none" : "profile");
  if (chosen.startsWith("github") && variableText(env, "GITHUB_ENV") === undefined) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: `--export ${chosen} works only in a job of GitHub Actions, where GITHUB_ENV names a file`,
      hint: "use --export profile or --export none here",
    });
  }
  return chosen;
}

function stateChoice({ state, stateDir }: UpOptions, context: CommandContext): StateChoice {
  if (stateDir === undefined) return { kind: state ?? "boot" };
  if (state === "boot") {
    throw new TsmcpError({
      code: "usage-invalid",
      message: "--state boot and --state-dir exclude each other: a directory of yours outlives the boot",
      hint: "leave one of them out",
    });
  }
  return { kind: "directory", path: fromHere(stateDir, "--state-dir", context) };
}
