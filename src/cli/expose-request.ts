import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import type { GatewayConfig, UpstreamConfig } from "../config/config.ts";
import { lockFileName } from "../config/lock.ts";
import { TsmcpError } from "../core/errors.ts";
import { findStateDirectory, makeStateDirectory } from "../core/runtime-directory.ts";
import type { ExposeRequest } from "../expose/request.ts";
import type { CommandContext } from "./context.ts";
import { socketOf } from "./daemon-socket.ts";
import type { ExposedGateway } from "./expose-gateway.ts";
import { gatewayConfig } from "./gateway-config.ts";
import { typedUpstreams } from "./typed-upstreams.ts";
import { watchedConfig } from "./watched-config.ts";

/** The options of `expose` as commander hands them over. */
export interface ExposeValues {
  readonly bg?: boolean;
  readonly funnel: boolean;
  readonly service?: string;
  readonly dryRun?: boolean;
  readonly off?: boolean;
  readonly detached?: boolean;
  readonly wait: number;
  readonly connectTo: readonly string[];
  readonly publicDns?: string;
}

/** What the command line and the configuration ask for. */
export interface ExposeAsked {
  readonly request: ExposeRequest;
  readonly gateway: ExposedGateway;
}

/** The name of the one upstream that is given as a URL; both views serve it as `/mcp`. */
const onlyUpstream = "mcp";

/** Returns what is to be exposed. Throws `usage-invalid` and `config-invalid`. */
export function exposeRequest(values: ExposeValues, word: string | undefined, context: CommandContext): ExposeAsked {
  const { config, path } = gatewayConfig(context);
  const socket = socketOf(context);
  const directory = exposeDirectory(socket, context);
  if (values.dryRun !== true) makeStateDirectory(context, basename(directory));
  const { service: configured } = config;
  const service = values.service === undefined ? configured : serviceName(values.service);
  const upstreamsOf = (read: GatewayConfig): Readonly<Record<string, UpstreamConfig>> =>
    word === undefined ? enabledUpstreams(read) : typedUpstreams([`${onlyUpstream}=${word}`], []);
  const upstreams = upstreamsOf(config);
  refuseSingle(config);
  const funnel = values.funnel && service === undefined;
  const names = Object.keys(upstreams);
  const watched = watchedConfig(context, { config, path }, upstreamsOf);
  const { listen = {}, sealingKey, capability } = config;
  return {
    request: {
      socket,
      directory,
      funnel,
      service,
      background: false,
      waitMs: values.wait,
      capability,
      listen: {
        ...(listen.private === undefined ? {} : { private: listen.private }),
        ...(listen.public === undefined ? {} : { public: listen.public }),
      },
      paths: word === undefined ? names.map((name) => `/mcp/${name}`) : ["/mcp"],
      // Of the configuration what is read at the start alone; the rest is read again while it stands.
      fingerprint: fingerprintOf({ upstreams, path, funnel, service, listen, sealingKey, capability }),
    },
    gateway: {
      config: service === undefined ? config : { ...config, service },
      upstreams,
      socket,
      directory,
      watched,
      lockFile: join(path === undefined ? context.cwd : dirname(path), lockFileName),
    },
  };
}

/**
 * Returns the directory of the exposure at one tailscaled, whether it is there or not: what it set is found there after a reboot too.
 * Throws `runtime-directory-unsafe`.
 */
export function exposeDirectory(socket: string, { env }: Pick<CommandContext, "env">): string {
  return findStateDirectory({ env }, `expose-${createHash("sha256").update(socket).digest("hex").slice(0, 8)}`);
}

function enabledUpstreams({ upstreams = {} }: GatewayConfig): Readonly<Record<string, UpstreamConfig>> {
  const enabled = Object.entries(upstreams).filter(([, { enabled = true }]) => enabled);
  if (enabled.length > 0) return Object.fromEntries(enabled);
  throw new TsmcpError({
    code: "usage-invalid",
    message: "there is no server to expose",
    hint: "name one, such as tsmcp expose http://localhost:3000/mcp, or a configuration with gateway.upstreams",
  });
}

function refuseSingle({ listen }: GatewayConfig): void {
  if (listen?.single === undefined) return;
  throw new TsmcpError({
    code: "config-invalid",
    message: "gateway.listen.single: an exposure has a listener for each view",
    hint: "leave gateway.listen.single out",
  });
}

/** Source: tailscale `tailcfg/tailcfg.go` ServiceName.Validate. */
function serviceName(text: string): string {
  if (/^svc:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(text)) return text.toLowerCase();
  throw new TsmcpError({
    code: "usage-invalid",
    message: `--service: ${JSON.stringify(text)} is no name of a Tailscale Service`,
    hint: "write svc: and a name of letters, digits and dashes, such as svc:notes",
  });
}

function fingerprintOf(value: object): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
