import { type Command, Option } from "commander";
import type { StepReport } from "../../bootstrap/steps.ts";
import type { UpReport } from "../../bootstrap/up.ts";
import { createCommand, durationOption, repeatedOption, type Session } from "../command.ts";
import type { UpOptions } from "../up-request.ts";
import { serverVerifier } from "../verify-servers.ts";

export function upCommand(session: Session): Command {
  return createCommand<UpOptions>({
    session,
    name: "up",
    summary: "join the tailnet, without a TUN device",
    description:
      "Starts tailscaled in userspace mode, logs in, and gives the agent here the tailnet's MCP servers.\n" +
      "Safe to run again: what is so already is kept. The key comes from TS_AUTHKEY or a file.",
    examples: [
      "TS_AUTHKEY=tskey-auth-… tsmcp up",
      "tsmcp up --auth-key file:/run/secrets/tailscale --server notes=https://node.tailnet.ts.net:8443/mcp",
      "tsmcp up --foreground",
      "tsmcp up --dry-run",
    ],
    options: upOptions(),
    run: async (context, options) => {
      const [{ up }, { upRequest }] = await Promise.all([import("../../bootstrap/up.ts"), import("../up-request.ts")]);
      const world = { ...context, verify: serverVerifier(context, options.connectTo) };
      const request = upRequest(options, context);
      const onStep = (step: StepReport): void =>
        context.log.info(`${step.id}: ${step.status}${step.detail === "" ? "" : ` (${step.detail})`}`);
      if (options.foreground === true && !request.dryRun) {
        const { runInForeground } = await import("../up-foreground.ts");
        const onUp = (report: UpReport): void => context.result(report, textOf(report));
        return runInForeground(request, world, { onStep, onUp });
      }
      const report = await up(request, world, onStep);
      context.result(report, textOf(report));
      return report.steps.some(({ status }) => status === "failed") ? 1 : 0;
    },
  });
}

function upOptions(): readonly Option[] {
  return [
    new Option("--auth-key <file:path>", "the key to log in with (default: TS_AUTHKEY)"),
    new Option("--hostname <name>", "the node's name (default: this machine's)"),
    new Option("--advertise-tags <tags>", "tags to ask for, with commas between them"),
    new Option("--login-server <url>", "the coordination server (default: Tailscale's)"),
    new Option("--accept-routes", "use the subnet routes of the tailnet"),
    new Option("--no-accept-routes", "do not"),
    new Option("--proxy <address>", "where the proxy listens (default: 127.0.0.1:1055; port 0 picks a free one)"),
    new Option(
      "--client-id <id>",
      "the client of --client-secret, --id-token or, with neither, the platform's own token (default: TS_CLIENT_ID)",
    ),
    new Option("--client-secret <file:path>", "an OAuth client's secret (default: TS_CLIENT_SECRET)"),
    new Option("--id-token <file:path>", "a workload identity's token (default: TS_ID_TOKEN)"),
    new Option("--interactive", "show a URL where a person logs in"),
    new Option("--state <kind>", "boot: a new node on each boot; persistent: the same one").choices([
      "boot",
      "persistent",
    ]),
    new Option("--state-dir <dir>", "keep tailscaled's state in this directory"),
    durationOption("--timeout <duration>", "how long the join may take", "90s"),
    repeatedOption("--server <name=url>", "an MCP server to give to the agent; may be repeated"),
    repeatedOption("--agent <name>", "whose file gets the servers, or auto; may be repeated (default: auto)"),
    new Option("--workspace <dir>", "where the agent works (default: the working directory)"),
    new Option("--entry <kind>", "bridge: the agent starts tsmcp; url: it calls the server itself").choices([
      "bridge",
      "url",
    ]),
    new Option(
      "--export <mode>",
      "who uses the proxy from now on (default: profile in a known agent VM, else none)",
    ).choices(["profile", "github", "github-all", "none"]),
    new Option("--shields-up", "let no peer connect to this machine (default)"),
    new Option("--no-shields-up", "let peers connect"),
    new Option("--no-logs-no-support", "upload no logs to Tailscale"),
    repeatedOption(
      "--connect-to <host:port:addr:port>",
      "for the check at the end: dial this address instead, as in curl",
    ),
    new Option(
      "--keep-warm",
      "keep the way to the servers open while nothing happens: with --foreground by itself, else through the bridges that run here",
    ),
    new Option("--foreground", "stay, keep the node up, and leave when told to stop: as a service, or process 1"),
    new Option("--dry-run", "only print what would be done"),
    new Option("--no-verify", "do not check the servers at the end"),
  ];
}

function textOf({ node, proxy }: UpReport): string {
  if (node === null) return "";
  return `${node.name} is up (${node.ips.join(", ")})${proxy === null ? "" : `; its proxy is ${proxy}`}\n`;
}
