import { serverFromUrl } from "../config/server.ts";
import type { Log } from "../core/log.ts";
import { parseConnectTo } from "../doctor/connect-to.ts";
import type { Laboratory } from "../doctor/intrusive/laboratory.ts";
import { renderText } from "../doctor/render/text.ts";
import { type DoctorReport, runDoctor } from "../doctor/run-doctor.ts";
import { exitCodeOf } from "../doctor/verdict.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { CommandContext } from "./context.ts";

/** The rest is about this machine's own tailscale, and here there is none. */
const groups = ["tailnet", "public", "separation"];

interface Examination {
  /** Who looks at the tailnet side. */
  readonly caller: "agent" | "user";
  /** Whether it tries what no real host may be sent. */
  readonly intrusive: boolean;
  /** Where the server is below its name; unless told, where servers usually are. */
  readonly path?: string;
}

/** Runs the doctor on the sandbox's server, prints its report and returns its exit code. */
export async function examineSandbox(
  sandbox: Sandbox,
  examination: Examination,
  context: CommandContext,
): Promise<number> {
  const { signal, log, env } = context;
  const report = await judgeSandbox(sandbox, examination, { signal, log, path: env.PATH ?? "" });
  const detail = context.quiet ? "quiet" : context.verbose ? "verbose" : "normal";
  context.result(report, renderText(report, { color: context.color && context.outIsTerminal, detail }));
  return exitCodeOf(report.verdict);
}

/** Returns what the doctor says of the sandbox's server. */
export function judgeSandbox(
  sandbox: Sandbox,
  { caller, intrusive, path = "" }: Examination,
  world: { readonly signal: AbortSignal; readonly log: Log; readonly path: string },
): Promise<DoctorReport> {
  const { host, callers, ca, binDir, directory } = sandbox;
  const target = {
    server: serverFromUrl(`https://${host}:8443${path}`, "the sandbox", "sandbox"),
    expectedTools: [],
    minTools: undefined,
    publicTools: [],
    probe: undefined,
  };
  return runDoctor(
    {
      targets: [target],
      only: groups,
      skip: [],
      strict: false,
      waitMs: 0,
      vantage: "auto",
      connectTo: callers.internet.connectTo.map(parseConnectTo),
      publicDns: undefined,
      headers: [],
      // It is the user's own program.
      authorized: [host],
      capabilities: [],
    },
    {
      // Nothing of the user's own: neither a recorded node nor an exported proxy.
      env: { PATH: `${binDir}:${world.path}`, HOME: directory, TSMCP_PROXY: callers[caller].proxy },
      signal: world.signal,
      log: world.log,
      socket: `${directory}/none.sock`,
      ca,
      laboratory: intrusive ? laboratoryIn(sandbox) : undefined,
    },
  );
}

/** Every connection is seen there, and nobody else is on it. */
function laboratoryIn(sandbox: Sandbox): Laboratory {
  const { login = "", address = "" } = sandbox.callers.user;
  return { insider: { login, address }, watch: (listener) => sandbox.watchServers(listener) };
}
