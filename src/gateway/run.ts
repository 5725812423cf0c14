import type { GatewayConfig, UpstreamConfig } from "../config/config.ts";
import { readLock } from "../config/lock.ts";
import { messageOf, TsmcpError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { type Environment, makeStateDirectory } from "../core/runtime-directory.ts";
import type { Secret } from "../core/secrets.ts";
import type { ServiceNotifier } from "../process/service-notify.ts";
import { readStatus } from "../tailscale/local-api.ts";
import { requireTrustedSocket } from "../tailscale/socket-trust.ts";
import type { NodeStatus } from "../tailscale/status.ts";
import { isAtLeast, parseTailscaleVersion, type TailscaleVersion } from "../tailscale/version.ts";
import { type Gateway, type GatewayOptions, startGateway } from "./gateway.ts";
import { grantsToServices, type ListenPlan, listenPlan, singleListener } from "./listen-plan.ts";
import { pinnedTools } from "./public/pins.ts";
import { keepReloading, type PinsOf, rulesOf, type WatchedFile, warnOfPublicTools } from "./reload.ts";
import { sealingKeys } from "./sealing-key.ts";
import type { CreateUpstream } from "./upstream/create.ts";
import { exposedPrograms, tryEnclosure } from "./upstream/enclosure.ts";

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
}

export interface GatewayWorld {
  readonly env: Environment;
  readonly cwd: string;
  readonly log: Log;
  /** For the lines about requests. */
  readonly auditLines?: GatewayOptions["auditLines"];
  readonly observers?: GatewayOptions["observers"];
  readonly openSpan?: GatewayOptions["openSpan"];
}

/** What was found out before anything listens. */
export interface PreparedGateway {
  readonly options: GatewayOptions;
  readonly pinsOf: PinsOf;
  readonly status: NodeStatus | undefined;
}

/** tailscaled answers from memory. */
const statusTimeoutMs = 2_000;

/**
 * Returns everything that `startGateway` needs. Throws `config-invalid`, `secret-invalid`, `daemon-foreign`, and
 * `tailscale-outdated` for one listener before tailscaled 1.92 and for a Service's grants before 1.100.
 */
export async function prepareGateway(request: GatewayRequest, world: GatewayWorld): Promise<PreparedGateway> {
  const { config, upstreams, socket, createUpstream, proxy } = request;
  const { env, cwd, log, auditLines, observers = [], openSpan } = world;
  const pinsOf: PinsOf = (read) => pinsIn(read, request);
  const pins = pinsOf({ config, upstreams });
  requireTrustedSocket(socket, "about who calls");
  const status = await readStatus({ socket, timeoutMs: statusTimeoutMs }).catch((error: unknown) => {
    log.warn(`tailscaled does not answer yet, and until it does everybody is refused: ${messageOf(error)}`);
    return undefined;
  });
  const version = status === undefined ? undefined : parseTailscaleVersion(status.version);
  const directory = needsDirectory(config, env) ? makeStateDirectory({ env }, "gateway") : undefined;
  const facts = { directory, uid: process.getuid?.() ?? 0, version };
  const plan = listenPlan(config.listen ?? {}, facts);
  if (plan.kind === "single") requireVersion(version, singleListener, singleWords);
  if (config.service !== undefined) requireVersion(version, grantsToServices, serviceWords);
  if (plan.admin.kind === "tcp" && status?.usesTun === false) keepAdminIn(plan.admin.port, log);
  const keys = sealingKeys({ variable: env.TSMCP_SEALING_KEY || undefined, configured: config.sealingKey, directory });
  const enclosure = await tryEnclosure({
    plan,
    socket,
    keyTexts: [env.TSMCP_SEALING_KEY, config.sealingKey],
    env,
    log,
    upstreams,
  });
  const options = {
    upstreams,
    rules: rulesOf(config),
    pins,
    plan,
    socket,
    service: config.service,
    usesTun: status?.usesTun,
    keys,
    world: { log, env, cwd, proxy, enclosure },
    createUpstream,
    log,
    auditLines,
    observers,
    openSpan,
  };
  return { options, status, pinsOf };
}

/** A service that is told its key and its addresses may have no home that it can write. */
function needsDirectory({ sealingKey, listen = {} }: GatewayConfig, env: Environment): boolean {
  const hasKey = sealingKey !== undefined || Boolean(env.TSMCP_SEALING_KEY);
  const hasAddresses = listen.single !== undefined || (listen.private !== undefined && listen.public !== undefined);
  return !(hasKey && hasAddresses && listen.admin !== undefined);
}

/** How a gateway is run. */
export interface GatewayRun {
  /** Without it nothing changes while it runs. */
  readonly watched?: WatchedFile | undefined;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly onReady: (gateway: Gateway) => void;
  /** The end has begun, and may take a while. */
  readonly onStopping?: (() => void) | undefined;
  /** Whoever started it as a service. */
  readonly notifier?: ServiceNotifier | undefined;
  /** Says when the file is to be read now; returns how to stop saying it. */
  readonly onHangup?: ((reload: () => void) => () => void) | undefined;
}

/** Starts the gateway, says what has to be known, and returns when it has ended. */
export async function runGateway({ options, pinsOf }: PreparedGateway, run: GatewayRun): Promise<void> {
  const { watched, signal, log, onReady, onStopping, notifier, onHangup } = run;
  warnOfWeakness(options, log);
  const gateway = await startGateway(options);
  const serving = (): string => `serves ${gateway.paths.join(" ")}`;
  const reload =
    watched === undefined
      ? undefined
      : keepReloading({
          watched,
          gateway,
          pinsOf,
          log,
          onBegin: () => void notifier?.reloading(`reads ${watched.path}`),
          onEnd: (isUsed) =>
            void notifier?.ready(isUsed ? serving() : `${serving()}; ${watched.path} is not used as it is now`),
        });
  let told = Promise.resolve();
  const leave = onHangup?.(reload?.now ?? (() => log.warn("there is no configuration file to read again")));
  try {
    onReady(gateway);
    void notifier?.ready(serving());
    await aborted(signal);
    onStopping?.();
    told = notifier?.stopping("answers what was asked") ?? told;
  } finally {
    leave?.();
    reload?.stop();
    await gateway.close();
    await told;
  }
}

function warnOfWeakness({ plan, rules, upstreams, keys, world, pins = [] }: GatewayOptions, log: Log): void {
  warnOfPublicTools(pins, log);
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
  for (const line of exposedPrograms(upstreams, world.enclosure)) log.warn(line);
  if (!listensOnSocket(plan)) {
    log.warn("the private listener is a port: whoever is on this machine can learn its path from tailscaled");
  }
}

function listensOnSocket(plan: ListenPlan): boolean {
  return (plan.kind === "two" ? plan.private : plan.single).kind === "unix";
}

function pinsIn({ config, upstreams }: Parameters<PinsOf>[0], { lockFile }: GatewayRequest): ReturnType<PinsOf> {
  const { publicTools = [] } = config;
  if (publicTools.length === 0) return [];
  return pinnedTools({ publicTools, upstreams, lock: readLock(lockFile), lockFile });
}

/** A userspace tailscaled forwards what comes to such a port from the tailnet. Source: tailscale netstack.go acceptTCP. */
function keepAdminIn(port: number, log: Log): void {
  const message = "the tailnet reaches ports of loopback through this tailscaled, the admin listener's too";
  if (port === 0) {
    log.warn(`${message}, so that it only tells that it lives: name a socket as gateway.listen.admin`);
    return;
  }
  throw new TsmcpError({
    code: "config-invalid",
    message: `gateway.listen.admin: ${message}`,
    hint: "name a socket: unix:/ABSOLUTE/PATH",
  });
}

const singleWords = {
  option: "gateway.listen.single",
  hint: "leave out gateway.listen.single: two listeners hold on every version",
};

const serviceWords = {
  option: "gateway.service",
  hint: "install a current Tailscale, and start the gateway once tailscaled answers",
};

function requireVersion(
  version: TailscaleVersion | undefined,
  needed: TailscaleVersion,
  { option, hint }: { readonly option: string; readonly hint: string },
): void {
  if (version !== undefined && isAtLeast(version, needed)) return;
  const told =
    version === undefined ? "does not tell its version" : `is ${version.major}.${version.minor}.${version.patch}`;
  throw new TsmcpError({
    code: "tailscale-outdated",
    message: `${option} needs tailscaled ${needed.major}.${needed.minor} or newer, and this one ${told}`,
    hint,
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
