import { assertOwnServers } from "../config/servers.ts";
import { TsmcpError } from "../core/errors.ts";
import { readRecord, writeRecord } from "../core/record.ts";
import { makeRuntimeDirectory, runtimeDirectories } from "../core/runtime-directory.ts";
import { isAlive } from "../process/identity.ts";
import { listenText } from "../tailscale/daemon-arguments.ts";
import { requireReady } from "./apply/preflight.ts";
import type { Attempt } from "./attempt.ts";
import { gatherFacts, recordOf, type UpFacts } from "./facts.ts";
import { unlessInterrupted } from "./interruption.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { whileAlone } from "./lock.ts";
import { planUp } from "./plan.ts";
import type { UpRequest } from "./request.ts";
import { runSteps } from "./run-steps.ts";
import type { StepReport } from "./steps.ts";
import { createUndoList } from "./undo.ts";
import { environmentWithoutDeadProxies } from "./upstream-proxy.ts";
import type { UpWorld } from "./world.ts";

/** What `up` did, as `--json` prints it. */
export interface UpReport {
  readonly steps: readonly StepReport[];
  readonly node: { readonly name: string; readonly ips: readonly string[]; readonly tags: readonly string[] } | null;
  readonly proxy: string | null;
  readonly files: readonly string[];
}

/**
 * Joins the tailnet, as far as that is not so already, and returns what was done. `onStep` hears of each step as it
 * ends. A failed or interrupted join is taken back; what follows the join leaves the node up.
 * Throws `tailscale-missing`, `daemon-failed`, `daemon-foreign`, `proxy-port-taken`, `login-failed`, `login-timeout`,
 * `proxy-unreachable`, `server-foreign`, `busy` and what the agents' files are refused with.
 */
export async function up(request: UpRequest, world: UpWorld, onStep: OnStep): Promise<UpReport> {
  return unlessInterrupted(world.signal, () =>
    request.dryRun ? tellPlan(request, world, onStep) : joinTailnet(request, world, onStep),
  );
}

type OnStep = (report: StepReport) => void;

async function tellPlan(request: UpRequest, world: UpWorld, onStep: OnStep): Promise<UpReport> {
  const [directory = ""] = runtimeDirectories(world);
  const layout = layoutOf(directory, request.state, world);
  const facts = await gather(layout, request, world);
  const attempt = { request, layout, socket: socketOf(layout, request, world) };
  const problem = await problemOf(() => requireReady(facts, attempt));
  if (problem?.hint !== undefined) world.log.warn(`it would fail; ${problem.hint}`);
  const reports = planUp(facts, request).map((report) =>
    problem === undefined || report.id !== "preflight"
      ? report
      : { ...report, status: "failed" as const, detail: problem.message },
  );
  for (const report of reports) onStep(report);
  return reportOf(reports, facts);
}

async function problemOf(check: () => Promise<void>): Promise<TsmcpError | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    if (error instanceof TsmcpError) return error;
    throw error;
  }
}

async function joinTailnet(request: UpRequest, world: UpWorld, onStep: OnStep): Promise<UpReport> {
  const start = performance.now();
  const remainingMs = (): number => Math.max(0, Math.round(start + request.timeoutMs - performance.now()));
  const layout = layoutOf(makeRuntimeDirectory(world), request.state, world);
  return whileAlone({ layout, timeoutMs: request.timeoutMs }, world, async () => {
    const facts = await gather(layout, request, world);
    const reports: StepReport[] = [];
    const attempt: Attempt = {
      request,
      world,
      layout,
      socket: socketOf(layout, request, world),
      undo: createUndoList(),
      environment: once(() =>
        environmentWithoutDeadProxies(world, {
          logsDir: layout.logsDir,
          own: [request.proxy, ...(facts.record?.proxy === undefined ? [] : [facts.record.proxy])],
        }),
      ),
      remainingMs,
      hasChanged: () => reports.some(({ status }) => status === "done"),
    };
    const report = (one: StepReport): void => {
      reports.push(one);
      onStep(one);
    };
    try {
      const after = await runSteps(facts, attempt, report);
      completeRecord(after, attempt);
      return reportOf(reports, after);
    } catch (error) {
      await attempt.undo.run(world.log);
      throw error;
    }
  });
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

async function gather(layout: Layout, request: UpRequest, world: UpWorld): Promise<UpFacts> {
  requireNoOtherDaemon(request, world);
  requireNoOtherSupervisor(world);
  const found = await gatherFacts({ socket: socketOf(layout, request, world), proxy: request.proxy }, world);
  const facts = asSupervised(found, world);
  // A node that is up already needs no login to know what is foreign.
  if (facts.node?.status.backendState === "Running")
    assertOwnServers(request.servers, facts.node.status.magicDnsSuffix ?? "");
  if (facts.daemon.kind !== "foreign" || request.socket !== undefined) return withAgentPlan(facts, request, world);
  throw new TsmcpError({
    code: "daemon-foreign",
    message: `a daemon that tsmcp did not start answers at ${JSON.stringify(layout.socket)}`,
    hint: "find out who started it and end it",
  });
}

/** Two daemons on one state directory are one node twice, and the record would forget the first. */
function requireNoOtherDaemon({ socket }: UpRequest, world: UpWorld): void {
  const record = readRecord(world);
  if (socket === undefined || record?.daemon === undefined) return;
  if (record.socket === socket || !isAlive(record.daemon)) return;
  throw new TsmcpError({
    code: "busy",
    message: `tailscaled of this boot runs already, on ${JSON.stringify(record.socket)}`,
    hint: 'leave --socket out, or run "tsmcp down" first',
    facts: { socket: record.socket, pid: record.daemon.pid },
  });
}

/** Two that restart one daemon would take it from each other for ever; who was taken down must not begin anew. */
function requireNoOtherSupervisor(world: UpWorld): void {
  const { supervision } = world;
  if (supervision === undefined) return;
  const named = readRecord(world)?.supervisor;
  const isOwn = named?.pid === supervision.self.pid && named.startTicks === supervision.self.startTicks;
  if (isOwn || (!supervision.isRunning && (named === undefined || !isAlive(named)))) return;
  throw new TsmcpError({
    code: "busy",
    message:
      named === undefined
        ? "another tsmcp has taken this node down"
        : `process ${named.pid} runs this node already: tsmcp up --foreground`,
    hint: 'end that process, or run "tsmcp down", first',
    facts: named === undefined ? {} : { pid: named.pid },
  });
}

function asSupervised(facts: UpFacts, { supervision }: UpWorld): UpFacts {
  const { daemon } = facts;
  if (supervision === undefined || daemon.kind !== "ours" || supervision.isChild(daemon.identity)) return facts;
  return { ...facts, daemon: { ...daemon, isUnsupervised: true } };
}

/** What others need to know: `down`, who supervises, also somebody else's daemon; the bridges, what is asked of them. */
function completeRecord(facts: UpFacts, attempt: Attempt): void {
  const { supervision } = attempt.world;
  const isForBridges = attempt.request.keepsWarm && supervision === undefined;
  if (supervision === undefined && isForBridges === (facts.record?.keepsWarm === true)) return;
  const { keepsWarm: _before, ...record } = recordOf(facts, attempt);
  writeRecord(attempt.world, {
    ...record,
    ...(supervision === undefined ? {} : { supervisor: supervision.self }),
    ...(isForBridges ? { keepsWarm: true } : {}),
  });
}

/** Planned before anything is started, so that a file that cannot be read or written stops us here. */
async function withAgentPlan(facts: UpFacts, request: UpRequest, world: UpWorld): Promise<UpFacts> {
  const { servers, agents } = request;
  if (servers.length === 0 || agents.dialects.length === 0) return facts;
  const { planAgentFiles } = await import("../agents/agent-files.ts");
  const agentPlan = planAgentFiles({
    workspace: agents.workspace,
    agents: agents.dialects,
    servers: servers.map(({ name, tailnetUrl }) => ({ name, url: tailnetUrl })),
    kind: agents.entry,
    launcher: agents.launcher,
    env: world.env,
    recorded: facts.record?.entries ?? [],
  });
  const kept = agentPlan.files.filter(({ changes }) => !changes).map(({ path }) => path);
  for (const { outcome, detail } of agentPlan.files.flatMap(({ outcomes }) => outcomes)) {
    if (outcome === "left") world.log.warn(detail);
  }
  return { ...facts, agentPlan, files: [...facts.files, ...kept] };
}

/** Where the daemon is: where it was asked for, where this boot has one, or where a new one belongs. */
function socketOf(layout: Layout, request: UpRequest, world: UpWorld): string {
  return request.socket ?? readRecord(world)?.socket ?? layout.socket;
}

function reportOf(reports: readonly StepReport[], { node, proxy, files }: UpFacts): UpReport {
  const self = node?.status.backendState === "Running" ? node.status.self : undefined;
  return {
    steps: reports,
    node: self === undefined ? null : { name: self.dnsName, ips: self.ips, tags: self.tags },
    proxy: proxy === undefined ? null : listenText(proxy.address),
    files,
  };
}
