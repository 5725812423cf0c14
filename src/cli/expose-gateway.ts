import type { GatewayConfig, UpstreamConfig } from "../config/config.ts";
import { fitsSocketPath } from "../core/socket-path.ts";
import { timeoutSignal } from "../core/timeout-signal.ts";
import type { GatewayListen, StartedGateway } from "../expose/request.ts";
import { checkGateway } from "../gateway/check.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { startSpans } from "../gateway/journal/spans.ts";
import type { WatchedFile } from "../gateway/reload.ts";
import { type GatewayRequest, prepareGateway, runGateway } from "../gateway/run.ts";
import { createUpstream } from "../gateway/upstream/create.ts";
import { keepHeapSmall } from "../process/small-heap.ts";
import type { CommandContext } from "./context.ts";
import type { ExposureLog } from "./exposure-log.ts";
import { tailnetProxyOf } from "./tailnet-proxy.ts";
import { hasTerminal } from "./terminal.ts";

/** What the gateway of an exposure is made of. */
export interface ExposedGateway {
  readonly config: GatewayConfig;
  readonly upstreams: Readonly<Record<string, UpstreamConfig>>;
  /** tailscaled's. */
  readonly socket: string;
  /** Where its sockets are. */
  readonly directory: string;
  readonly watched: WatchedFile | undefined;
  /** For the tools that the internet may call. */
  readonly lockFile: string;
}

/** Starts the gateway in this process, and returns once it listens. Throws as `prepareGateway` and `startGateway` do. */
export async function startExposedGateway(
  exposed: ExposedGateway,
  listen: GatewayListen,
  context: CommandContext & Pick<ExposureLog, "lines">,
): Promise<StartedGateway> {
  const { env, log, lines } = context;
  keepHeapSmall();
  const spans = await startSpans(env, log);
  const tracing = spans === undefined ? {} : { observers: [spans.observe], openSpan: spans.open };
  const stop = new AbortController();
  const run = async (onReady: (gateway: Gateway) => void): Promise<void> => {
    try {
      const request = await requestFor(exposed, listen, context);
      const prepared = await prepareGateway(request, { ...context, auditLines: lines, ...tracing });
      const { watched } = exposed;
      // Whose terminal goes away is not asked to go on.
      const onHangup = hasTerminal(context) ? undefined : context.takeHangup;
      await runGateway(prepared, { watched, signal: stop.signal, log, onReady, onHangup });
    } finally {
      await spans?.close();
    }
  };
  let running: Promise<void> = Promise.resolve();
  const gateway = await new Promise<Gateway>((resolve, reject) => {
    running = run(resolve);
    running.catch(reject);
  });
  log.info(`admin: ${gateway.admin.listen} (/healthz, /readyz, /metrics)`);
  return {
    privateTarget: gateway.private.target,
    publicTarget: gateway.public.target,
    ended: running,
    async close() {
      stop.abort();
      await running;
    },
  };
}

/** A server that is slow to start is waited for by the check itself. */
const checkTimeoutMs = 60_000;

/** Returns what is wrong with the upstreams, one line each. */
export async function failingUpstreams(exposed: ExposedGateway, context: CommandContext): Promise<readonly string[]> {
  const nowhere = { private: "127.0.0.1:0", public: "127.0.0.1:0" };
  const prepared = await prepareGateway(await requestFor(exposed, nowhere, context), context);
  const lines = await checkGateway(prepared, AbortSignal.any([context.signal, timeoutSignal(checkTimeoutMs)]));
  return lines
    .filter(({ id, status }) => id.startsWith("upstream.") && status === "fail")
    .map(({ id, message }) => `${id.slice("upstream.".length)}: ${message}`);
}

async function requestFor(
  { config, upstreams, socket, directory, lockFile }: ExposedGateway,
  listen: GatewayListen,
  context: CommandContext,
): Promise<GatewayRequest> {
  // Of its own: another gateway of this user has the usual one.
  const admin = config.listen?.admin ?? adminIn(directory);
  return {
    config: { ...config, listen: { ...listen, admin } },
    upstreams,
    socket,
    proxy: await tailnetProxyOf(context),
    createUpstream,
    lockFile,
  };
}

function adminIn(directory: string): string {
  const path = `${directory}/admin.sock`;
  return fitsSocketPath(path) ? `unix:${path}` : "127.0.0.1:0";
}
