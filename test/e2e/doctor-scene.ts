import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { CheckId } from "../../src/doctor/check.ts";
import type { CheckResult } from "../../src/doctor/engine.ts";
import type { DoctorReport } from "../../src/doctor/run-doctor.ts";
import { type GateOptions, type GateServer, startGate } from "../peers/gates/mcp-server.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { binDir } from "./tsmcp.ts";

/** A healthy pair, of which a test breaks one thing. */
export interface Scene extends AsyncDisposable {
  readonly tailnet: Tailnet;
  readonly server: TailnetNode;
  readonly agent: TailnetNode;
  readonly gate: GateServer;
  readonly home: string;
  /** Puts another server behind Serve. */
  serve(options: GateOptions): Promise<GateServer>;
}

export async function startScene({ funnel = false } = {}): Promise<Scene> {
  const tailnet = await startTailnet();
  const [server, agent] = await Promise.all([
    tailnet.startNode({ hostname: "server", tags: ["tag:server"], funnel }),
    tailnet.startNode({ hostname: "agent", tags: ["tag:agent"], upArgs: ["--shields-up"] }),
  ]);
  const gates: GateServer[] = [];
  const serve = async (options: GateOptions): Promise<GateServer> => {
    const gate = await startGate(options);
    gates.push(gate);
    await server.serve({ port: 8443, target: `http://127.0.0.1:${gate.port}` });
    return gate;
  };
  const gate = await serve({ gate: () => true });
  return {
    tailnet,
    server,
    agent,
    gate,
    home: tailnet.tempDir(),
    serve,
    async [Symbol.asyncDispose]() {
      for (const one of gates) await one[Symbol.asyncDispose]();
      await tailnet.close();
    },
  };
}

/** What the doctor says from the agent's machine of the tailnet's side. */
export interface Diagnosis {
  readonly exitCode: number | null;
  readonly report: DoctorReport;
  /** What is neither passed nor skipped, in the order of the way: what a user reads first. */
  readonly findings: readonly string[];
  /** What every check names that was skipped for a need. */
  readonly needs: readonly unknown[];
  readonly stderr: string;
  readonly check: (id: CheckId) => CheckResult | undefined;
}

export async function diagnose(
  scene: Scene,
  changes: {
    readonly from?: Pick<TailnetNode, "proxy" | "socket">;
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly host?: string;
    /** In the place of the server's URL. */
    readonly words?: readonly string[];
  } = {},
): Promise<Diagnosis> {
  const { from = scene.agent, args = [], env = {}, host = scene.server.dnsName } = changes;
  const { words = [`https://${host}:8443/mcp`] } = changes;
  const command = [join(binDir, "tsmcp"), "doctor", ...words, "--json", "--vantage", "tailnet", ...args];
  const child = spawn(process.execPath, command, {
    cwd: scene.home,
    env: {
      ...scene.tailnet.env(),
      HOME: scene.home,
      TSMCP_PROXY: `http://${from.proxy}`,
      TSMCP_SOCKET: from.socket,
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [out, error, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  if (out === "") throw new Error(error);
  const report: DoctorReport = JSON.parse(out);
  const isFinding = ({ status }: CheckResult): boolean =>
    status === "fail" || status === "unknown" || status === "warn";
  return {
    exitCode,
    stderr: error,
    report,
    findings: report.checks.filter(isFinding).map(({ id, status }) => `${id} ${status}`),
    needs: [...new Set(report.checks.flatMap(({ facts }) => facts.need ?? []))],
    check: (id) => report.checks.find((check) => check.id === id),
  };
}
