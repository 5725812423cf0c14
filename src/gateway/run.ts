import { unwatchFile, watchFile } from "node:fs";
import type { GatewayConfig, UpstreamConfig } from "../config/config.ts";
import { readLock } from "../config/lock.ts";
import { messageOf, TsmcpError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { type Environment, makeStateDirectory } from "../core/runtime-directory.ts";
import type { Secret } from "../core/secrets.ts";
import { readStatus } from "../tailscale/local-api.ts";
import { requireTrustedSocket } from "../tailscale/socket-trust.ts";
import type { NodeStatus } from "../tailscale/status.ts";
import { isAtLeast, parseTailscaleVersion, type TailscaleVersion } from "../tailscale/version.ts";
import { type Gateway, type GatewayOptions, startGateway } from "./gateway.ts";
import { type ListenPlan, listenPlan, singleListener } from "./listen-plan.ts";
import { type PinnedTool, pinnedTools } from "./public/pins.ts";
import { sealingKeys } from "./sealing-key.ts";
import { configuredUser } from "./upstream/configured.ts";
import type { CreateUpstream } from "./upstream/create.ts";

export interface GatewayRequest {
  /** What counts of every file and option. */
  readonly config: GatewayConfig;
  readonly upstreams: Readonly<Record<string, UpstreamConfig>>;
  /** tailscaled's. */
  readonly socket: string;
  readonly proxy: string | undefined;
  readonly createUpstream: CreateUpstream;
  /** `tsmcp.lock.json`, for the tools that the internet may call. */
  readonly lockFile: string;
  /** The file to watch, and how to read the configuration again; without it nothing changes while it runs. */
  readonly watched?: { readonly path: string; readonly read: () => GatewayConfig } | undefined;
}

export interface GatewayWorld {
  readonly env: Environment;
  readonly cwd: string;
  readonly log: Log;
}

/** What was found out before anything listens. */
export interface PreparedGateway {
  readonly options: GatewayOptions;
  readonly status: NodeStatus | undefined;
}

/** tailscaled answers from memory. */
const statusTimeoutMs = 2_000;

/**
 * Returns everything that `startGateway` needs. Throws `config-invalid`, `secret-invalid`, `daemon-foreign`, and
 * `tailscale-outdated` for one listener before tailscaled 1.92.
 */
export async function prepareGateway(request: GatewayRequest, world: GatewayWorld): Promise<PreparedGateway> {
  const { config, upstreams, socket, createUpstream, proxy } = request;
  const { env, cwd, log } = world;
  const pins = pinsOf(request);
  requireTrustedSocket(socket, "about who calls");
  const status = await readStatus({ socket, timeoutMs: statusTimeoutMs }).catch((error: unknown) => {
    log.warn(`tailscaled does not answer yet, and until it does everybody is refused: ${messageOf(error)}`);
    return undefined;
  });
  const version = status === undefined ? undefined : parseTailscaleVersion(status.version);
  const directory = needsDirectory(config, env) ? makeStateDirectory({ env }, "gateway") : undefined;
  const facts = { directory, uid: process.getuid?.() ?? 0, version };
  const plan = listenPlan(config.listen ?? {}, facts);
  if (plan.kind === "single") requireSingle(version);
  const keys = sealingKeys({ variable: env.TSMCP_SEALING_KEY || undefined, configured: config.sealingKey, directory });
  const options = {
    upstreams,
    rules: rulesOf(config),
    pins,
    plan,
    socket,
    keys,
    world: { log, env, cwd, proxy },
    createUpstream,
    log,
  };
  return { options, status };
}

/** A service that is told its key and its addresses may have no home that it can write. */
function needsDirectory({ sealingKey, listen = {} }: GatewayConfig, env: Environment): boolean {
  const hasKey = sealingKey !== undefined || Boolean(env.TSMCP_SEALING_KEY);
  const hasAddresses = listen.single !== undefined || (listen.private !== undefined && listen.public !== undefined);
  return !(hasKey && hasAddresses && listen.admin !== undefined);
}

/** Starts the gateway and says what has to be known; `update` comes from the watched file. */
export async function runGateway(
  { options }: PreparedGateway,
  {
    watched,
    signal,
    log,
    onReady,
  }: {
    readonly watched: GatewayRequest["watched"];
    readonly signal: AbortSignal;
    readonly log: Log;
    readonly onReady: (gateway: Gateway) => void;
  },
): Promise<void> {
  warnOfWeakness(options, log);
  const gateway = await startGateway(options);
  const stopWatching = watched === undefined ? () => {} : watch(watched, gateway, log);
  try {
    onReady(gateway);
    await aborted(signal);
  } finally {
    stopWatching();
    await gateway.close();
  }
}

/** How long a changed file goes unnoticed. */
const watchIntervalMs = 1_000;

function watch({ path, read }: NonNullable<GatewayRequest["watched"]>, gateway: Gateway, log: Log): () => void {
  const onChange = (): void => {
    try {
      gateway.update(rulesOf(read()));
      log.info(`${path} was read again: rules, capability and allowedOrigins hold from now on`);
    } catch (error) {
      log.warn(`${path} was changed and is not used: ${messageOf(error)}`);
    }
  };
  watchFile(path, { interval: watchIntervalMs }, onChange);
  return () => unwatchFile(path, onChange);
}

function rulesOf({ capability, rules, allowedOrigins }: GatewayConfig): GatewayOptions["rules"] {
  return {
    ...(capability === undefined ? {} : { capability }),
    ...(rules === undefined ? {} : { rules }),
    ...(allowedOrigins === undefined ? {} : { allowedOrigins }),
  };
}

function warnOfWeakness({ plan, rules, upstreams, keys, pins = [] }: GatewayOptions, log: Log): void {
  for (const { upstream, name } of pins) {
    log.warn(`OPEN TO THE INTERNET: anybody may call the tool ${name} of ${upstream} (gateway.publicTools)`);
  }
  const [{ origin }] = keys as readonly [Secret];
  log.debug(`session ids are sealed with ${origin}`);
  if (rules.capability === undefined && rules.rules === undefined) {
    log.warn("neither capability nor rules are configured: every member of this tailnet sees everything");
  }
  if (plan.kind === "single") {
    log.warn(
      "one listener: a header alone tells the internet from the tailnet, and the tailnet sees its tools on 443 too",
    );
  }
  const asOurselves = Object.entries(upstreams)
    .filter(([, { command, enabled }]) => command !== undefined && enabled !== false)
    .filter(([name, config]) => configuredUser({ name, config, env: {} }) === undefined)
    .map(([name]) => name);
  if (asOurselves.length > 0) {
    log.warn(
      `${asOurselves.join(", ")}: runs as this user, who can read the sealing key and open the private listener; ` +
        'give it another user in the configuration: "user"',
    );
  }
  if (!listensOnSocket(plan)) {
    log.warn("the private listener is a port: whoever is on this machine can learn its path from tailscaled");
  }
}

function listensOnSocket(plan: ListenPlan): boolean {
  return (plan.kind === "two" ? plan.private : plan.single).kind === "unix";
}

function pinsOf({ config, upstreams, lockFile }: GatewayRequest): readonly PinnedTool[] {
  const { publicTools = [] } = config;
  if (publicTools.length === 0) return [];
  return pinnedTools({ publicTools, upstreams, lock: readLock(lockFile), lockFile });
}

function requireSingle(version: TailscaleVersion | undefined): void {
  if (version !== undefined && isAtLeast(version, singleListener)) return;
  const told =
    version === undefined ? "does not tell its version" : `is ${version.major}.${version.minor}.${version.patch}`;
  throw new TsmcpError({
    code: "tailscale-outdated",
    message: `gateway.listen.single needs tailscaled 1.92 or newer, and this one ${told}`,
    hint: "leave out gateway.listen.single: two listeners hold on every version",
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
