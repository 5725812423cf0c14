import type { Command } from "commander";
import type { ConfiguredServer } from "../../config/servers.ts";
import { TsmcpError } from "../../core/errors.ts";
import type { World } from "../../doctor/context.ts";
import { createCommand, type Session } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { targetOf } from "../doctor-target.ts";
import { type DoctorOptions, doctorOptions, expectationsOf } from "./doctor-options.ts";

export function doctorCommand(session: Session): Command {
  return createCommand<DoctorOptions>({
    session,
    name: "doctor",
    summary: "prove that the agent sees its tools and the internet sees none",
    description:
      "Looks at a server from both sides, the tailnet's (8443, by Serve) and the internet's (443, by Funnel), and tries\n" +
      "what an attacker would try. Read-only. Exit 0: proven; 1: something is wrong; 3: could not find out.",
    examples: [
      "tsmcp doctor https://node.tailnet.ts.net",
      "tsmcp doctor notes --expect-tools 'search,read_*' --json",
      "tsmcp doctor --only tailscale,proxy --wait 60s",
      "tsmcp doctor --report junit=doctor.xml --report html=doctor.html",
      "tsmcp doctor --explain separation.host-header",
    ],
    arguments: [["[servers...]", "names from the configuration, or URLs (default: every configured server)"]],
    options: doctorOptions(),
    run: runDoctorCommand,
  });
}

async function runDoctorCommand(
  context: CommandContext,
  options: DoctorOptions,
  words: readonly string[],
): Promise<number> {
  const { catalogue: ordinary, intrusiveCatalogue } = await import("../../doctor/catalogue.ts");
  const catalogue = [...ordinary, ...intrusiveCatalogue];
  const { describeCheck, renderExplanation, renderList } = await import("../../doctor/render/explain.ts");
  if (options.listChecks === true) {
    context.result(catalogue.map(describeCheck), renderList(catalogue));
    return 0;
  }
  refuseIntrusion(options, intrusiveCatalogue);
  const { findCheck } = await import("../../doctor/selection.ts");
  if (options.explain !== undefined) {
    const check = findCheck(catalogue, options.explain);
    context.result(describeCheck(check), renderExplanation(check));
    return 0;
  }
  const { servers, capabilities, configuredTags } = await namedServers(context, options, words);
  const [
    { runDoctor },
    { parseConnectTo },
    { parseExtraHeader },
    { parseAuthorized },
    { parseResolver },
    { renderText },
    { exitCodeOf },
  ] = await Promise.all([
    import("../../doctor/run-doctor.ts"),
    import("../../doctor/connect-to.ts"),
    import("../../doctor/extra-header.ts"),
    import("../../doctor/authorized.ts"),
    import("../../net/dns.ts"),
    import("../../doctor/render/text.ts"),
    import("../../doctor/verdict.ts"),
  ]);
  if (options.publicDns !== undefined) parseResolver(options.publicDns, "--public-dns");
  const expected = expectationsOf(options);
  const [{ reportWriter }, { lockKeeper }] = await Promise.all([
    import("../doctor-reports.ts"),
    import("../doctor-lock.ts"),
  ]);
  const writeReports = await reportWriter(options.report, context);
  const lock = lockKeeper({ file: options.lock, update: options.updateLock === true }, context);
  const strict = options.strict === true;
  const startedAt = new Date();
  const report = await runDoctor(
    {
      targets: servers.map((server) => targetOf(server, expected)),
      only: options.only,
      skip: options.skip,
      strict,
      waitMs: options.wait ?? 0,
      vantage: options.vantage,
      connectTo: options.connectTo.map(parseConnectTo),
      publicDns: options.publicDns,
      headers: options.header.map((header) => parseExtraHeader(header, context.env)),
      authorized: options.authorized.map(parseAuthorized),
      expectedTags: expectedTags(context, configuredTags),
      capabilities,
    },
    { ...worldOf(context), lockFile: lock.file, keepSnapshot: lock.keepSnapshot },
  );
  lock.write();
  await writeReports({ report, servers, strict, startedAt });
  const detail = context.quiet ? "quiet" : context.verbose ? "verbose" : "normal";
  context.result(report, renderText(report, { color: context.color && context.outIsTerminal, detail }));
  return exitCodeOf(report.verdict);
}

/** Nothing of it may be sent to a real host, whoever it belongs to: others share its relay. */
function refuseIntrusion({ intrusive, only }: DoctorOptions, checks: readonly { readonly id: string }[]): void {
  const named = checks.find(({ id }) => only.includes(id));
  if (intrusive !== true && named === undefined) return;
  throw new TsmcpError({
    code: "usage-invalid",
    message: `${named === undefined ? "--intrusive" : named.id} is for a sandbox, and for no real host`,
    hint: "use: tsmcp sandbox --doctor --intrusive -- CMD",
  });
}

/** What the configuration or `up`'s own variable asks for. */
function expectedTags({ env }: CommandContext, configured: readonly string[]): readonly string[] {
  const typed = (env.TSMCP_ADVERTISE_TAGS ?? "").split(",").map((tag) => tag.trim());
  return [...new Set([...configured, ...typed])].filter((tag) => tag !== "");
}

function worldOf({ env, signal, log, socket, cwd }: CommandContext): World {
  return { env, signal, log, socket, workspace: cwd };
}

interface Named {
  readonly servers: readonly ConfiguredServer[];
  /** What the configured gateway goes by. */
  readonly capabilities: readonly string[];
  /** What `up` asks for. */
  readonly configuredTags: readonly string[];
}

/** Returns the servers that the command line names, else every configured one. */
async function namedServers(context: CommandContext, options: DoctorOptions, words: readonly string[]): Promise<Named> {
  const [{ loadConfig }, { findServer, serversOf }, { serverFromSides }] = await Promise.all([
    import("../../config/load.ts"),
    import("../../config/servers.ts"),
    import("../../config/server.ts"),
  ]);
  const { tailnetUrl, publicUrl } = options;
  // A run that names everything it looks at does not depend on files that lie about.
  const needsConfig =
    context.configFile !== undefined ||
    words.some((word) => !word.includes("://")) ||
    (words.length === 0 && tailnetUrl === undefined && publicUrl === undefined);
  const loaded = needsConfig ? loadConfig(context) : { sources: [] };
  const configured = serversOf(loaded);
  const capabilities = loaded.sources.flatMap(({ config }) => config.gateway?.capability ?? []);
  const configuredTags = loaded.sources.flatMap(({ config }) => config.tailscale?.advertiseTags ?? []);
  const named = words.map((word) => findServer(word, configured));
  if (tailnetUrl === undefined && publicUrl === undefined) {
    const servers = words.length === 0 ? [...configured.values()] : named;
    await refuseForeign(context, servers, options.header);
    return { servers, capabilities, configuredTags };
  }
  if (named.length > 1) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: `--tailnet-url and --public-url belong to one server, and ${named.length} were named`,
      hint: "name one server, or none",
    });
  }
  const [base] = named;
  const sides = {
    tailnetUrl: tailnetUrl ?? base?.tailnetUrls[0],
    publicUrl: publicUrl === "none" ? null : (publicUrl ?? base?.publicUrls?.[0]),
  };
  const name = base?.name ?? tailnetUrl ?? publicUrl ?? "server";
  const server = serverFromSides(name, sides, tailnetUrl === undefined ? "--public-url" : "--tailnet-url");
  return { servers: [{ ...base, ...server, origin: "command line", trusted: true }], capabilities, configuredTags };
}

/** A file that comes with a repository may name servers of this tailnet only; nothing is sent to others. */
async function refuseForeign(
  context: CommandContext,
  servers: readonly ConfiguredServer[],
  headers: readonly string[],
): Promise<void> {
  const untrusted = servers.filter(({ trusted }) => !trusted);
  if (untrusted.length === 0) return;
  const [{ assertOwnServers }, { daemonAnswer }] = await Promise.all([
    import("../../config/servers.ts"),
    import("../../doctor/facts/node-status.ts"),
  ]);
  const daemon = await daemonAnswer({ world: worldOf(context), signal: context.signal });
  const suffix = daemon.kind === "answered" ? daemon.status.magicDnsSuffix : undefined;
  if (suffix !== undefined) return assertOwnServers(untrusted, suffix);
  // Why the tailnet is away is worth finding out, but nothing of the user's goes to a host that nobody vouches for.
  assertOwnServers(untrusted, "ts.net");
  if (headers.length === 0) return;
  throw new TsmcpError({
    code: "server-foreign",
    message: "--header goes to no server that a repository names before this node's tailnet is known",
    hint: 'run "tsmcp up" first, or pass --config to trust the file',
  });
}
