import { type Command, Option } from "commander";
import type { Ended } from "../../expose/off.ts";
import type { ExposeOutcome } from "../../expose/outcome.ts";
import type { ExposeWorld } from "../../expose/request.ts";
import { createCommand, durationOption, repeatedOption, type Session } from "../command.ts";
import type { CommandContext } from "../context.ts";
import type { ExposeAsked, ExposeValues } from "../expose-request.ts";
import type { ExposureLog, ExposurePlace } from "../exposure-log.ts";

export function exposeCommand(session: Session): Command {
  return createCommand<ExposeValues>({
    session,
    name: "expose",
    summary: "give the tailnet a server on this machine and the internet an empty view, and prove both",
    description:
      "Starts the gateway, sets tailscale serve (8443) and tailscale funnel (443), waits for certificate and name, and lets\n" +
      "the doctor attack. Ctrl-C takes away exactly what was set; nobody else's handler is touched.\n" +
      "Exit 0: it stood, proven; 1: refused, or the proof failed and all was taken away; 3: it stood, unproven.",
    examples: [
      "tsmcp expose http://localhost:3000/mcp",
      "tsmcp expose http://localhost:3000/mcp --dry-run",
      "tsmcp expose --config /etc/tsmcp.config.json --no-funnel",
      "tsmcp expose http://localhost:3000/mcp --bg",
      "tsmcp expose --off",
    ],
    arguments: [["[url]", "the MCP server here (default: every upstream of the configuration)"]],
    options: [
      new Option("--no-funnel", "leave the internet out: no public view"),
      new Option(
        "--service <svc:name>",
        "serve as the host of a Tailscale Service, which several nodes can be (default: gateway.service)",
      ),
      new Option("--bg", "expose in a process of its own, and return when that stands"),
      new Option("--off", "end the exposure at this tailscaled, and take away what a killed one left"),
      new Option("--dry-run", "say what would be done, or what stands in the way"),
      durationOption(
        "--wait <time>",
        "how long certificate, public name and proof may take, and tailscaled when it is restarted",
        "10m",
      ),
      repeatedOption(
        "--connect-to <host:port:addr:port>",
        "for the proof: where the public side is, as in curl; may be repeated",
      ),
      new Option("--public-dns <resolver>", "for the proof: an address or a URL of DNS over HTTPS"),
      // How --bg starts itself.
      new Option("--detached").hideHelp(),
    ],
    run: runExposeCommand,
  });
}

async function runExposeCommand(
  context: CommandContext,
  values: ExposeValues,
  [word]: readonly string[],
): Promise<number> {
  const { exposeRequest } = await import("../expose-request.ts");
  if (values.off === true) return endIt(context);
  const asked = exposeRequest(values, word, context);
  const { exposureLog } = await import("../exposure-log.ts");
  const told = exposureLog(context, { directory: asked.request.directory, place: placeOf(values) });
  try {
    return await exposeAsked(asked, values, { ...context, ...told });
  } finally {
    await told.flush();
  }
}

/** A command whose talk goes where the talk of its gateway goes. */
type ExposeContext = CommandContext & ExposureLog;

async function exposeAsked(asked: ExposeAsked, values: ExposeValues, context: ExposeContext): Promise<number> {
  const { describeExposure, exposureError, exposureText } = await import("../expose-text.ts");
  const world = await worldOf(asked, values, context);
  const show = (outcome: ExposeOutcome): void => {
    context.writeError(exposureError(outcome));
    context.result(describeExposure(outcome), exposureText(outcome));
  };
  const { previewExposure, runExposure } = await import("../../expose/run.ts");
  if (values.dryRun === true) {
    const outcome = await previewExposure(asked.request, world);
    show(outcome);
    return exitOf(outcome);
  }
  const { exposeDetached, exposeInBackground } = await import("../expose-background.ts");
  if (values.detached === true) return exitOf(await exposeDetached(asked.request, world));
  if (values.bg === true) {
    const outcome = await exposeInBackground(asked.request, world, context);
    show(outcome);
    return exitOf(outcome);
  }
  const { closeInheritedDescriptors } = await import("../../process/inherited.ts");
  closeInheritedDescriptors();
  const { serviceNotifier } = await import("../../process/service-notify.ts");
  const notifier = serviceNotifier(context);
  let told = Promise.resolve();
  context.signal.addEventListener("abort", () => {
    told = notifier.stopping("takes away what it set");
  });
  try {
    const outcome = await runExposure(asked.request, world, (one) => {
      show(one);
      if (one.status === "exposed") void notifier.ready(servesText(one));
    });
    return exitOf(outcome);
  } finally {
    await told;
    notifier.close();
  }
}

function servesText({
  tailnetUrls,
  publicUrls,
  proof,
}: Extract<ExposeOutcome, { readonly status: "exposed" }>): string {
  return `serves ${[...tailnetUrls, ...publicUrls].join(" ")}; proof: ${proof.verdict}`;
}

function placeOf({ dryRun, detached, bg }: ExposeValues): ExposurePlace {
  if (dryRun === true) return "elsewhere";
  if (detached === true) return "background";
  return bg === true ? "elsewhere" : "here";
}

async function endIt(context: CommandContext): Promise<number> {
  const [{ exposeDirectory }, { socketOf }, { endExposure }] = await Promise.all([
    import("../expose-request.ts"),
    import("../daemon-socket.ts"),
    import("../../expose/off.ts"),
  ]);
  const socket = socketOf(context);
  const ended = await endExposure({ socket, directory: exposeDirectory(socket, context) }, context);
  context.result(ended, endedText(ended));
  return 0;
}

function endedText({ pid, cleared }: Ended): string {
  if (pid === undefined && cleared === 0) return "nothing is exposed here\n";
  const by = pid === undefined ? "" : ` by process ${pid}`;
  return `what was exposed${by} was taken away${cleared === 0 ? "" : ` (${cleared} handlers it had left)`}\n`;
}

async function worldOf(
  { request, gateway }: ExposeAsked,
  { connectTo, publicDns }: ExposeValues,
  context: ExposeContext,
): Promise<ExposeWorld> {
  const [
    { parseConnectTo },
    { parseResolver },
    { failingUpstreams, startExposedGateway },
    { hasPublicName, proveByDoctor },
  ] = await Promise.all([
    import("../../doctor/connect-to.ts"),
    import("../../net/dns.ts"),
    import("../expose-gateway.ts"),
    import("../expose-proof.ts"),
  ]);
  if (publicDns !== undefined) parseResolver(publicDns, "--public-dns");
  const { publicTools = [] } = gateway.config;
  const look = { publicTools, connectTo: connectTo.map(parseConnectTo), publicDns };
  const { env, log, signal } = context;
  return {
    env,
    log,
    signal,
    startGateway: (listen) => startExposedGateway(gateway, listen, context),
    checkUpstreams: () => failingUpstreams(gateway, context),
    prove: (proof) => proveByDoctor(proof, look, { context, socket: request.socket }),
    hasPublicName: (host, ending) => hasPublicName(host, look, ending),
  };
}

function exitOf(outcome: ExposeOutcome): number {
  switch (outcome.status) {
    case "planned":
      return 0;
    case "exposed":
      return outcome.proof.verdict === "pass" ? 0 : 3;
    case "refused":
    case "withdrawn":
      return 1;
  }
}
