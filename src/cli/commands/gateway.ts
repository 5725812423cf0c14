import { dirname, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import type { GatewayConfig } from "../../config/config.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import type { UpstreamConfigs } from "../../gateway/served-set.ts";
import { createCommand, repeatedOption, type Session } from "../command.ts";
import type { CommandContext } from "../context.ts";

interface GatewayValues {
  readonly upstream: readonly string[];
  readonly check?: boolean;
  readonly lock?: string;
}

export function gatewayCommand(session: Session): Command {
  return createCommand<GatewayValues>({
    session,
    name: "gateway",
    summary: "serve MCP servers in two views: nothing to the internet, what is allowed to the tailnet",
    description:
      "Stands between tailscale serve and funnel and any MCP servers. Says the two targets to hand to them.\n" +
      "Ends with Ctrl-C. Exit 0: stopped; 1: it could not be started, or --check found a fault; 2: configuration.",
    examples: [
      "tsmcp gateway --upstream notes=http://127.0.0.1:9000/mcp",
      "tsmcp gateway --upstream notes -- npx -y @modelcontextprotocol/server-everything",
      "tsmcp gateway --config /etc/tsmcp.config.json --check",
    ],
    arguments: [["[cmd...]", "after --: the program of the last --upstream"]],
    options: [
      repeatedOption(
        "--upstream <name=url>",
        "a server to serve as /mcp/NAME; a NAME alone takes the program after --",
      ),
      new Option(
        "--lock <file>",
        "the pins of gateway.publicTools (default: tsmcp.lock.json beside the configuration)",
      ),
      new Option("--check", "only look whether it could be started: configuration, tailscaled, every upstream"),
    ],
    run: runGatewayCommand,
  });
}

async function runGatewayCommand(
  context: CommandContext,
  { upstream, check, lock }: GatewayValues,
  command: readonly string[],
): Promise<number> {
  const [
    { prepareGateway, runGateway },
    { createUpstream },
    { gatewayConfig },
    { lockFileName },
    { typedUpstreams },
    { socketOf },
    { closeInheritedDescriptors },
    { startSpans },
    { serviceNotifier },
    { keepHeapSmall },
    { serviceLog },
    { tailnetProxyOf },
    { watchedConfig },
    { hasTerminal },
  ] = await Promise.all([
    import("../../gateway/run.ts"),
    import("../../gateway/upstream/create.ts"),
    import("../gateway-config.ts"),
    import("../../config/lock.ts"),
    import("../typed-upstreams.ts"),
    import("../daemon-socket.ts"),
    import("../../process/inherited.ts"),
    import("../../gateway/journal/spans.ts"),
    import("../../process/service-notify.ts"),
    import("../../process/small-heap.ts"),
    import("../service-log.ts"),
    import("../tailnet-proxy.ts"),
    import("../watched-config.ts"),
    import("../terminal.ts"),
  ]);
  closeInheritedDescriptors();
  keepHeapSmall();
  const { config, path } = gatewayConfig(context);
  const upstreamsOf = (read: GatewayConfig): UpstreamConfigs => ({
    ...read.upstreams,
    ...typedUpstreams(upstream, command),
  });
  const request = {
    config,
    upstreams: upstreamsOf(config),
    socket: socketOf(context),
    proxy: await tailnetProxyOf(context),
    lockFile: resolve(context.cwd, lock ?? join(path === undefined ? "" : dirname(path), lockFileName)),
    createUpstream,
  };
  if (check === true) {
    const { checkGateway } = await import("../../gateway/check.ts");
    const lines = await checkGateway(await prepareGateway(request, context), context.signal);
    const text = lines.map(({ id, status, message }) => `${status.toUpperCase()} ${id}: ${message}\n`).join("");
    context.result({ checks: lines }, text);
    return lines.every(({ status }) => status === "pass") ? 0 : 1;
  }
  const { signal, env, takeHangup } = context;
  const { log, lines, flush } = serviceLog(context);
  const spans = await startSpans(env, log);
  const tracing = spans === undefined ? {} : { observers: [spans.observe], openSpan: spans.open };
  try {
    const prepared = await prepareGateway(request, { ...context, log, auditLines: lines, ...tracing });
    const notifier = serviceNotifier({ env, log });
    await runGateway(prepared, {
      watched: watchedConfig(context, { config, path }, upstreamsOf),
      signal,
      log,
      onReady: (gateway) => context.result(describe(gateway), textOf(gateway)),
      onStopping: () => log.info("stopping: no more callers, and what was asked is still answered"),
      notifier,
      // Whose terminal goes away is not asked to go on.
      onHangup: hasTerminal(context) ? undefined : takeHangup,
    });
    notifier.close();
    return 0;
  } finally {
    await spans?.close();
    await flush();
  }
}

function describe(gateway: Gateway): object {
  const { private: inner, public: outer, admin, paths, publicTools } = gateway;
  return { private: inner, public: outer, admin, paths, publicTools, commands: commandsFor(gateway) };
}

function commandsFor({ private: inner, public: outer }: Gateway): readonly string[] {
  return [
    `tailscale serve --bg --yes --https=8443 ${inner.target}`,
    `tailscale funnel --bg --yes --https=443 ${outer.target}`,
  ];
}

function textOf(gateway: Gateway): string {
  const { private: inner, public: outer, admin, paths, publicTools } = gateway;
  return [
    `tailnet view: ${inner.target}`,
    `public view:  ${outer.target}`,
    `admin:        ${admin.listen}`,
    `paths:        ${paths.join(" ")}`,
    ...(publicTools.length === 0 ? [] : [`INTERNET:     ${publicTools.join(" ")}`]),
    "",
    ...commandsFor(gateway),
    "",
  ].join("\n");
}
