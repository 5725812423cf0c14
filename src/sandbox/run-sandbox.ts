import { setTimeout as delay } from "node:timers/promises";
import { TsmcpError } from "../core/errors.ts";
import { freePort, isListening } from "../net/listening.ts";
import { killMarked, markName } from "../process/marked.ts";
import { type ServerEnd, type ServerProcess, startServerProcess } from "../process/server-process.ts";
import type { Sandbox } from "./options.ts";
import { defaultCapability } from "./people.ts";
import { startSandbox } from "./sandbox.ts";

/** What stands behind the server's two fronts. */
export type Behind =
  /** A program that listens where `PORT` says; both fronts lead to it. */
  | { readonly kind: "program"; readonly argv: readonly [string, ...string[]] }
  /** Targets as `tailscale serve` and `funnel` take them; without the public one nothing is served to the internet. */
  | { readonly kind: "targets"; readonly tailnet: string; readonly public: string | undefined };

export interface SandboxWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly signal: AbortSignal;
}

/** A sandbox with a server in it. */
export interface RunningSandbox {
  readonly sandbox: Sandbox;
  /** Settles when the program has ended by itself; never without one. */
  readonly programEnded: Promise<ServerEnd>;
  close(): Promise<void>;
}

/** Programs that compile first are slow to listen. */
const listenLimitMs = 60_000;
const pollMs = 20;

/**
 * Starts a sandbox around a program, as soon as that listens, or around servers that run already.
 * Throws `command-failed` when the program does not start or ends too early, `command-timeout` when it never listens,
 * and `unsupported` for a version or target that is not imitated.
 */
export async function runSandbox(
  request: { readonly behind: Behind; readonly version: string | undefined },
  world: SandboxWorld,
): Promise<RunningSandbox> {
  const { behind, version } = request;
  const sandbox = await startSandbox(version === undefined ? {} : { version });
  let server: ServerProcess | undefined;
  const close = async (): Promise<void> => {
    await server?.stop();
    if (behind.kind === "program") killMarked(sandbox.directory);
    await sandbox.close();
  };
  try {
    if (behind.kind === "targets") {
      serveBoth(sandbox, behind.tailnet, behind.public);
      return { sandbox, programEnded: new Promise(() => {}), close };
    }
    const port = await freePort();
    server = await startProgram(behind.argv, { sandbox, port, world });
    const target = `http://${await listeningHost(server, { name: behind.argv[0], port, signal: world.signal })}:${port}`;
    serveBoth(sandbox, target, target);
    return { sandbox, programEnded: server.ended, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function serveBoth(sandbox: Sandbox, tailnet: string, open: string | undefined): void {
  sandbox.serve({ port: 8443, target: tailnet, acceptAppCaps: [defaultCapability] });
  if (open !== undefined) sandbox.serve({ port: 443, target: open, funnel: true });
}

/** The program is on the server's side: its tailscale is the server's. */
async function startProgram(
  argv: readonly [string, ...string[]],
  { sandbox, port, world }: { readonly sandbox: Sandbox; readonly port: number; readonly world: SandboxWorld },
): Promise<ServerProcess> {
  const env = {
    ...world.env,
    PORT: String(port),
    PATH: `${sandbox.binDir}:${world.env.PATH ?? ""}`,
    TSMCP_SOCKET: sandbox.socket,
    [markName]: sandbox.directory,
  };
  const onGroup = (group: number): void => sandbox.adopt(group);
  const started = await startServerProcess(argv, { env, cwd: world.cwd, onGroup });
  if (started.kind === "refused") throw programFailed(argv[0], `could not be started: ${started.reason}`);
  return started.server;
}

async function listeningHost(
  server: ServerProcess,
  { name, port, signal }: { readonly name: string; readonly port: number; readonly signal: AbortSignal },
): Promise<string> {
  let end: ServerEnd | undefined;
  void server.ended.then((how) => {
    end = how;
  });
  const limit = performance.now() + listenLimitMs;
  while (performance.now() < limit) {
    signal.throwIfAborted();
    if (await isListening({ host: "127.0.0.1", port })) return "127.0.0.1";
    if (await isListening({ host: "::1", port })) return "[::1]";
    if (end !== undefined) throw programFailed(name, earlyEndText(end));
    await delay(pollMs);
  }
  throw new TsmcpError({
    code: "command-timeout",
    message: `nothing listened on port ${port} of this machine within ${listenLimitMs / 1_000}s`,
    hint: "let the program listen where the variable PORT says, or start it yourself and name it with --target",
    facts: { port },
  });
}

/** Returns how a program ended, as part of a sentence. */
export function endText(end: ServerEnd): string {
  return end.kind === "exited" ? `ended with exit code ${end.exitCode}` : `was ended by ${end.signal}`;
}

/** A shell ends with these when it finds no program, or none that it may run (POSIX, Shell Command Language 2.8.2). */
function earlyEndText(end: ServerEnd): string {
  if (end.kind === "exited" && end.exitCode === 127) return "could not be started: it was not found";
  if (end.kind === "exited" && end.exitCode === 126) return "could not be started: it cannot be executed";
  return `${endText(end)} before it listened on PORT`;
}

function programFailed(name: string, what: string): TsmcpError {
  return new TsmcpError({
    code: "command-failed",
    message: `${JSON.stringify(name)} ${what}`,
    hint: "run it by itself, with PORT set, to see what it says",
  });
}
