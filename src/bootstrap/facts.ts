import { existsSync } from "node:fs";
import type { AgentPlan } from "../agents/agent-files.ts";
import { TsmcpError } from "../core/errors.ts";
import { type BootRecord, type ProcessIdentity, readRecord } from "../core/record.ts";
import { runtimeDirectories } from "../core/runtime-directory.ts";
import { isAlive, processesOf } from "../process/identity.ts";
import { isDaemonOn, type ListenAddress } from "../tailscale/daemon-arguments.ts";
import { readLockedOut, readPreferences, readStatus } from "../tailscale/local-api.ts";
import { locatePrograms, type Programs } from "../tailscale/locate.ts";
import type { NodePreferences } from "../tailscale/preferences.ts";
import { proxyReaches } from "../tailscale/self-dial.ts";
import { requireTrustedSocket } from "../tailscale/socket-trust.ts";
import type { NodeStatus } from "../tailscale/status.ts";
import type { LockedOut } from "../tailscale/tailnet-lock.ts";
import type { Attempt } from "./attempt.ts";
import { layoutOf } from "./layout.ts";
import type { BootstrapWorld } from "./world.ts";

/** A local answer takes a millisecond, and seconds on a machine that does too much; one that is late costs a working daemon. */
const answerLimitMs = 5_000;

/** What was found on the machine before anything is done. */
export interface UpFacts {
  readonly programs: Programs;
  readonly record: BootRecord | undefined;
  readonly daemon: DaemonFacts;
  readonly node: NodeFacts | undefined;
  /** Where the daemon's proxy listens, and whether a dial through it reached the tailnet. */
  readonly proxy: { readonly address: ListenAddress; readonly answers: boolean } | undefined;
  /** What is to be done to agents' files; undefined where there is nothing to give them. */
  readonly agentPlan: AgentPlan | undefined;
  /** What `up` wrote, or keeps: agents' files and exports. */
  readonly files: readonly string[];
}

export type DaemonFacts =
  | { readonly kind: "none" }
  /** `up` started it, and it answers. */
  | {
      readonly kind: "ours";
      readonly identity: ProcessIdentity;
      /** It is not the child of the process that is to supervise it. */
      readonly isUnsupervised?: true;
    }
  /** `up` started it, and it does not answer, or nobody knows its proxy any more. */
  | { readonly kind: "lost"; readonly identities: readonly ProcessIdentity[] }
  /** Somebody else's, at a socket that was asked for. */
  | { readonly kind: "foreign" };

export interface NodeFacts {
  readonly status: NodeStatus;
  readonly preferences: NodePreferences;
  /** There where the tailnet's lock does not let the node in. */
  readonly lockedOut?: LockedOut | undefined;
}

/**
 * Returns what is there. `socket` is where the daemon is looked for.
 * Throws `daemon-foreign` when somebody else could listen there.
 */
export async function gatherFacts(
  { socket, proxy }: { readonly socket: string; readonly proxy: ListenAddress },
  world: BootstrapWorld,
): Promise<UpFacts> {
  const record = readRecord(world);
  const node = await gatherNode(socket, world);
  const daemon = gatherDaemon({ socket, record, answers: node !== undefined }, world);
  const address = daemon.kind === "foreign" ? proxy : record?.proxy;
  return {
    programs: locatePrograms(world.env),
    record,
    daemon,
    node,
    proxy:
      node === undefined || address === undefined
        ? undefined
        : { address, answers: await leadsIntoTailnet(node, address, world) },
    agentPlan: undefined,
    files: [],
  };
}

/** A node that is locked out reaches itself all the same. */
async function leadsIntoTailnet(
  { status, lockedOut }: NodeFacts,
  proxy: ListenAddress,
  { signal }: BootstrapWorld,
): Promise<boolean> {
  return lockedOut === undefined && (await proxyReaches({ proxy, status, signal }));
}

/** Returns the node's state, or undefined when nobody answers at `socket`. */
export async function gatherNode(socket: string, { signal }: BootstrapWorld): Promise<NodeFacts | undefined> {
  if (!existsSync(socket)) return undefined;
  requireTrustedSocket(socket);
  const api = { socket, timeoutMs: answerLimitMs, signal };
  try {
    const [status, preferences, lockedOut] = await Promise.all([
      readStatus(api),
      readPreferences(api),
      readLockedOut(api),
    ]);
    return { status, preferences, lockedOut };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TsmcpError) return undefined;
    throw error;
  }
}

/** Returns the record of this boot; a new one where `up` uses a daemon that it did not start. */
export function recordOf({ record, proxy }: UpFacts, { socket, layout, world }: Attempt): BootRecord {
  return (
    record ?? {
      version: 1,
      socket,
      ...(proxy === undefined ? {} : { proxy: proxy.address }),
      // Not `--state-dir`: who keeps state there on that socket is not ours.
      stateDir: layoutOf(layout.directory, { kind: "boot" }, world).stateDir,
      entries: [],
      exports: [],
    }
  );
}

function gatherDaemon(
  {
    socket,
    record,
    answers,
  }: {
    readonly socket: string;
    readonly record: BootRecord | undefined;
    readonly answers: boolean;
  },
  world: BootstrapWorld,
): DaemonFacts {
  const recorded = record?.socket === socket && record.daemon !== undefined && isAlive(record.daemon);
  const stateDirs = stateDirsOn(socket, record, world);
  // An `up` that was killed after it had started a daemon could not write down which.
  const identities = recorded ? [record.daemon] : processesOf((argv) => isDaemonOn({ socket, stateDirs }, argv));
  const [identity, ...others] = identities;
  if (identity === undefined) return answers ? { kind: "foreign" } : { kind: "none" };
  if (answers && others.length === 0 && record?.socket === socket && record.proxy !== undefined) {
    return { kind: "ours", identity };
  }
  return { kind: "lost", identities };
}

/** On a socket of this boot's directory the daemon is ours wherever `--state-dir` was, also when the record is lost. */
function stateDirsOn(socket: string, record: BootRecord | undefined, world: BootstrapWorld): readonly string[] | "any" {
  const layouts = runtimeDirectories(world).flatMap((directory) =>
    (["boot", "persistent"] as const).map((kind) => layoutOf(directory, { kind }, world)),
  );
  if (layouts.some((layout) => layout.socket === socket)) return "any";
  return [...layouts.map(({ stateDir }) => stateDir), ...(record?.socket === socket ? [record.stateDir] : [])];
}
