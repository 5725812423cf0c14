import { serverFromUrl } from "../config/server.ts";
import { parseConnectTo } from "../doctor/connect-to.ts";
import { renderText } from "../doctor/render/text.ts";
import { runDoctor } from "../doctor/run-doctor.ts";
import { exitCodeOf } from "../doctor/verdict.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { CommandContext } from "./context.ts";

/** The rest is about this machine's own tailscale, and here there is none. */
const groups = ["tailnet", "public", "separation"];

/** Runs the doctor on the sandbox's server, prints its report and returns its exit code. */
export async function examineSandbox(
  sandbox: Sandbox,
  caller: "agent" | "user",
  context: CommandContext,
): Promise<number> {
  const { host, callers, ca, binDir, directory } = sandbox;
  const target = {
    server: serverFromUrl(`https://${host}:8443`, "the sandbox", "sandbox"),
    expectedTools: [],
    minTools: undefined,
    publicTools: [],
    probe: undefined,
  };
  const report = await runDoctor(
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
      env: { PATH: `${binDir}:${context.env.PATH ?? ""}`, HOME: directory, TSMCP_PROXY: callers[caller].proxy },
      signal: context.signal,
      log: context.log,
      socket: `${directory}/none.sock`,
      ca,
    },
  );
  const detail = context.quiet ? "quiet" : context.verbose ? "verbose" : "normal";
  context.result(report, renderText(report, { color: context.color && context.outIsTerminal, detail }));
  return exitCodeOf(report.verdict);
}
