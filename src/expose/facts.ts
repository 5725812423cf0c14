import { lstatSync } from "node:fs";
import { userInfo } from "node:os";
import { messageOf, TsmcpError } from "../core/errors.ts";
import { run } from "../process/run.ts";
import { daemonEnvironment } from "../tailscale/daemon-environment.ts";
import { type LocalApi, readPreferences, readServeText, readStatus } from "../tailscale/local-api.ts";
import { locateProgram } from "../tailscale/locate.ts";
import { parseServeState, type ServeState } from "../tailscale/serve-state.ts";
import type { NodeStatus } from "../tailscale/status.ts";
import { parseTailscaleVersion, type TailscaleVersion } from "../tailscale/version.ts";
import { findGrants, type Grants } from "./grants.ts";
import type { ExposeRequest, ExposeWorld } from "./request.ts";

/** What the plan is made of. */
export interface ExposeFacts {
  readonly cli: TailscaleProgram | undefined;
  readonly status: NodeStatus;
  /** tailscaled's; undefined where it calls itself something else. */
  readonly version: TailscaleVersion | undefined;
  readonly shieldsUp: boolean;
  /** The Tailscale Services that this node says it is a host of. */
  readonly services: readonly string[];
  readonly user: UserFacts;
  readonly serve: ServeState;
  /** Undefined where the gateway goes by no capability. */
  readonly grants: Grants | undefined;
}

/** The `tailscale` on this machine. */
export interface TailscaleProgram {
  readonly path: string;
  readonly version: TailscaleVersion | undefined;
}

export interface UserFacts {
  readonly uid: number;
  readonly name: string;
  /** Whose process tailscaled is, as its socket tells. */
  readonly daemonUid: number | undefined;
  /** Who, beside root, may change the node. */
  readonly operator: string | undefined;
  /** Whether `sudo tailscale` is allowed, which tailscaled asks of an operator who names a socket. */
  readonly maySudo: boolean;
}

/** tailscaled answers from memory. */
const askTimeoutMs = 3_000;
const versionTimeoutMs = 5_000;

/** Throws `dial-failed` when tailscaled does not answer, and `daemon-failed` when it says what we do not know. */
export async function gatherFacts(request: ExposeRequest, world: ExposeWorld): Promise<ExposeFacts> {
  const daemonUid = ownerOf(request.socket);
  const api = apiOf(request, world.signal);
  const [status, preferences, serve, cli, grants] = await Promise.all([
    readStatus(api),
    readPreferences(api),
    readServeState(request, world.signal),
    findProgram(request, world),
    findGrants(request, world),
  ]);
  return {
    cli,
    status,
    version: parseTailscaleVersion(status.version),
    shieldsUp: preferences.shieldsUp,
    services: preferences.advertiseServices ?? [],
    user: await userFacts(request, { daemonUid, operator: preferences.operator, world }),
    serve,
    grants,
  };
}

/** Returns what the node serves now. Throws as `gatherFacts` does. */
export async function readServeState(
  request: Pick<ExposeRequest, "socket">,
  signal?: AbortSignal,
): Promise<ServeState> {
  const state = parseServeState(await readServeText(apiOf(request, signal)));
  if (state !== undefined) return state;
  throw new TsmcpError({
    code: "daemon-failed",
    message: `tailscaled at ${JSON.stringify(request.socket)}: its Serve configuration is none we know`,
    hint: 'see what "tailscale serve status --json" says',
  });
}

function apiOf({ socket }: Pick<ExposeRequest, "socket">, signal: AbortSignal | undefined): LocalApi {
  return { socket, timeoutMs: askTimeoutMs, signal };
}

/** Returns the environment of `tailscale`: of ours only what it needs. */
export function programEnvironment(
  { directory }: Pick<ExposeRequest, "directory">,
  { env }: Pick<ExposeWorld, "env">,
): Record<string, string> {
  return daemonEnvironment({ env, logsDir: directory, deadProxies: [] });
}

/** Returns the `tailscale` on PATH, undefined where there is none. */
export async function findProgram(
  request: Pick<ExposeRequest, "directory">,
  world: Pick<ExposeWorld, "env" | "signal">,
): Promise<TailscaleProgram | undefined> {
  const path = locateProgram("tailscale", world.env);
  if (path === undefined) return undefined;
  const end = await run({
    file: path,
    args: ["version"],
    env: programEnvironment(request, world),
    cwd: "/",
    timeoutMs: versionTimeoutMs,
    signal: world.signal,
  });
  return { path, version: end.kind === "exited" ? parseTailscaleVersion(end.stdout) : undefined };
}

async function userFacts(
  request: ExposeRequest,
  {
    daemonUid,
    operator,
    world,
  }: { readonly daemonUid: number; readonly operator: string | undefined; readonly world: ExposeWorld },
): Promise<UserFacts> {
  const uid = process.getuid?.() ?? 0;
  const name = userName(uid);
  return {
    uid,
    name,
    daemonUid,
    operator,
    maySudo: uid !== 0 && operator === name && (await maySudoTailscale(request, world)),
  };
}

/** Asks as tailscaled does, but as ourselves. Source: tailscale `ipn/ipnserver/actor.go` connIsLocalAdmin. */
async function maySudoTailscale(request: ExposeRequest, world: ExposeWorld): Promise<boolean> {
  const path = locateProgram("sudo", world.env);
  if (path === undefined) return false;
  const end = await run({
    file: path,
    args: ["--non-interactive", "--list", "tailscale"],
    env: programEnvironment(request, world),
    cwd: "/",
    timeoutMs: versionTimeoutMs,
    signal: world.signal,
  });
  return end.kind === "exited" && end.exitCode === 0;
}

function ownerOf(socket: string): number {
  try {
    return lstatSync(socket).uid;
  } catch (error) {
    throw new TsmcpError({
      code: "dial-failed",
      message: `there is no tailscaled at ${JSON.stringify(socket)}: ${messageOf(error)}`,
      hint: 'start tailscaled, or run "tsmcp up", or name its socket with --socket',
      facts: { layer: "socket" },
      cause: error,
    });
  }
}

/** A container may run under a user id that has no entry. */
function userName(uid: number): string {
  try {
    return userInfo().username;
  } catch {
    return String(uid);
  }
}
