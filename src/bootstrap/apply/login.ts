import { closeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { TsmcpError } from "../../core/errors.ts";
import { strikeSecrets } from "../../core/secrets.ts";
import { logOut } from "../../tailscale/local-api.ts";
import { openSecretDescriptor } from "../../tailscale/secret-descriptor.ts";
import { requireTrustedSocket } from "../../tailscale/socket-trust.ts";
import { upArguments } from "../../tailscale/up-arguments.ts";
import type { Attempt } from "../attempt.ts";
import { type DaemonFacts, gatherNode, type NodeFacts, type UpFacts } from "../facts.ts";
import { mintIdentityToken } from "../identity-token.ts";
import { loginsKeptIn } from "../kept-login.ts";
import { lastLogLine } from "../log-tail.ts";
import { type LoginPlan, planLogin } from "../login-plan.ts";
import { requireNeededVersion } from "../needed-version.ts";
import type { GivenCredential, RequestedCredential, UpRequest } from "../request.ts";
import { type Applied, act, type Decision, done, keep } from "../steps.ts";
import type { UpWorld } from "../world.ts";
import { unknownFlagExit } from "./daemon.ts";
import { requirePrograms } from "./install.ts";
import {
  approvalMissing,
  loginFailed,
  loginRefused,
  loginTimeout,
  settingsNotTaken,
  signatureMissing,
  tailscaleOutdated,
} from "./login-errors.ts";
import { askLoginServerLater, type LoginServerQuestion } from "./login-server.ts";
import { lastLoginError } from "./login-words.ts";
import { qrCodePrinter } from "./qr-code.ts";
import { type OneShot, runOneShot } from "./shell.ts";

const pollMs = 10;
/** A stopped node is started, then its settings are changed; nothing needs more. */
const maxAdjustments = 3;
/** The command keeps its own time; ours only ends one that hangs, such as before it could connect. */
const overtimeMs = 500;
const logoutLimitMs = 5_000;
const answerUnderWayMs = 500;

const waitText = {
  start: "wait until the node runs",
  approval: "wait until an administrator approves the node",
  signature: "wait until a signing node of the tailnet's lock signs this one",
};

/** Returns whether the node must log in, or change its settings. */
export function decideLogin({ node, daemon }: UpFacts, request: UpRequest): Decision {
  if (node === undefined) return act("log in");
  const plan = planFor(node, daemon, request);
  switch (plan.kind) {
    case "keep":
      return keep(node.status.self?.dnsName ?? "");
    case "adjust":
      return act(plan.differing.length === 0 ? "reconnect" : `change ${plan.differing.join(", ")}`);
    case "wait":
      return act(waitText[plan.for]);
    case "log-in":
    case "ask-person":
    case "refuse":
      return act("log in");
  }
}

/**
 * Brings the node to Running with the wanted settings and returns the facts as they are then.
 * Throws `login-failed` when tailscale refuses, `login-timeout` when `--timeout` ends first.
 */
export async function applyLogin(facts: UpFacts, attempt: Attempt): Promise<Applied> {
  const node = await requireNode(attempt);
  requireNeededVersion(node.status.version, {
    request: attempt.request,
    isSupervised: attempt.world.supervision !== undefined,
  });
  const question = askLoginServerLater(attempt.request.node.loginServer, attempt);
  try {
    return await becomeRunning(node, facts, { ...attempt, question });
  } finally {
    question.stop();
  }
}

interface LoginAttempt extends Attempt {
  readonly question: LoginServerQuestion;
}

async function becomeRunning(before: NodeFacts, facts: UpFacts, attempt: LoginAttempt): Promise<Applied> {
  let node = before;
  let adjustments = 0;
  const planNow = (): LoginPlan => planFor(node, facts.daemon, attempt.request);
  for (let plan = planNow(); plan.kind !== "keep"; plan = planNow()) {
    attempt.world.signal.throwIfAborted();
    if (attempt.remainingMs() === 0) throw await timeoutError(attempt);
    if (plan.kind === "refuse") throw loginRefused(plan);
    // A setting that does not stay set would be set for ever.
    if (plan.kind === "adjust" && ++adjustments > maxAdjustments) throw settingsNotTaken(plan.differing);
    if (plan.kind === "wait") await delay(pollMs);
    else await logIn(plan, facts, attempt);
    node = await requireNode(attempt);
  }
  tellOfLostState(facts.daemon, attempt);
  return done({ ...facts, node }, node.status.self?.dnsName ?? "");
}

/** On a full disk tailscaled goes on in memory, and says so nowhere but in its health. */
function tellOfLostState({ kind }: DaemonFacts, { layout, world }: Attempt): void {
  if (kind === "foreign" || loginsKeptIn(layout.stateDir).length > 0) return;
  world.log.warn(
    `tailscaled could not keep its login in ${JSON.stringify(layout.stateDir)}: make room there, or a restart is a new node`,
  );
}

/** Returns how the node is to be brought to Running. */
export function planFor(node: NodeFacts, daemon: DaemonFacts, request: UpRequest): LoginPlan {
  return planLogin({
    ...node,
    isForeign: daemon.kind === "foreign",
    settings: request.node,
    hasCredential: request.credential !== undefined,
    interactive: request.interactive,
  });
}

async function logIn(plan: LoginPlan, facts: UpFacts, attempt: LoginAttempt): Promise<void> {
  const { world, request } = attempt;
  const credential = plan.kind === "log-in" ? await obtain(request.credential, world) : undefined;
  if (plan.kind === "log-in" || plan.kind === "ask-person") {
    attempt.undo.add(() => logOutAgain(attempt));
  }
  const watching = new AbortController();
  const watch = plan.kind === "ask-person" ? showLoginUrl(attempt, watching.signal) : Promise.resolve();
  const showsQrCode = plan.kind === "ask-person";
  const outcome = await runUp({ credential, showsQrCode }, facts, attempt).finally(() => watching.abort());
  await watch;
  world.signal.throwIfAborted();
  if (outcome.kind === "exited" && outcome.exitCode === 0) return;
  await requireNode(attempt);
  if (outcome.kind !== "exited" || attempt.remainingMs() === 0) throw await timeoutError(attempt);
  if (outcome.exitCode === unknownFlagExit) {
    throw tailscaleOutdated(requirePrograms(facts.programs).tailscale, firstLine(outcome.stderr));
  }
  throw loginFailed(lastLine(outcome.stderr) || lastLine(outcome.stdout), request.credential);
}

/** What the node waits for, or why. One that only waits for its approval or signature is left to wait, or it would never get it. */
async function timeoutError(attempt: LoginAttempt): Promise<TsmcpError> {
  const node = await gatherNode(attempt.socket, attempt.world);
  if (node?.status.backendState === "NeedsMachineAuth") {
    attempt.undo.clear();
    return approvalMissing({ node, attempt });
  }
  if (node?.lockedOut !== undefined) {
    attempt.undo.clear();
    return signatureMissing({ node, lockedOut: node.lockedOut, attempt });
  }
  const isTold = lastLoginError(node?.status.health ?? []) !== undefined;
  const reason = isTold ? undefined : await attempt.question.answer();
  return loginTimeout({ node, attempt, reason });
}

/** A coordination server that did not answer the login will not answer the logout. */
async function logOutAgain({ socket, world }: Attempt): Promise<void> {
  // An interruption may come between the coordination server's answer and the moment when tailscaled has it.
  const end = performance.now() + (world.signal.aborted ? answerUnderWayMs : 0);
  const calm = { ...world, signal: new AbortController().signal };
  for (;;) {
    const state = (await gatherNode(socket, calm))?.status.backendState;
    if (state === "Running" || state === "Starting" || state === "NeedsMachineAuth") {
      return logOut({ socket, timeoutMs: logoutLimitMs });
    }
    if (state === undefined || performance.now() >= end) return;
    await delay(pollMs);
  }
}

async function obtain(
  credential: RequestedCredential | undefined,
  world: UpWorld,
): Promise<GivenCredential | undefined> {
  if (credential?.kind !== "identity") return credential;
  const { source, audience, clientId } = credential;
  return { kind: "given", flag: "--id-token", secret: await mintIdentityToken(source, audience, world), clientId };
}

async function runUp(
  { credential, showsQrCode }: { readonly credential: GivenCredential | undefined; readonly showsQrCode: boolean },
  facts: UpFacts,
  attempt: Attempt,
): Promise<OneShot> {
  const { socket, request, world, layout } = attempt;
  const env = await attempt.environment();
  // Right before the key goes there: who owns the socket may have changed.
  requireTrustedSocket(socket);
  const descriptor = credential === undefined ? undefined : openSecretDescriptor(credential.secret, layout.directory);
  const timeoutMs = attempt.remainingMs();
  try {
    return await runOneShot({
      argv: [
        requirePrograms(facts.programs).tailscale,
        ...upArguments({
          socket,
          settings: request.node,
          credential: credential && { ...credential, file: "/proc/self/fd/3" },
          timeoutMs,
          showsQrCode,
        }),
      ],
      env,
      timeoutMs: timeoutMs + overtimeMs,
      signal: world.signal,
      descriptor,
      onStderr: showsQrCode ? qrCodePrinter(world.log) : undefined,
    });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** tailscaled has the URL some time after it was asked to log in. */
async function showLoginUrl({ socket, world }: Attempt, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const url = (await gatherNode(socket, world))?.status.authUrl ?? "";
    if (url !== "") return world.log.info(`log in at ${url}`);
    await delay(100);
  }
}

async function requireNode({ socket, world, layout }: Attempt): Promise<NodeFacts> {
  const node = await gatherNode(socket, world);
  if (node !== undefined) return node;
  throw new TsmcpError({
    code: "daemon-failed",
    message: withLastLine(`tailscaled no longer answers at ${JSON.stringify(socket)}`, layout.logFile),
    hint: 'run "tsmcp up" again',
  });
}

function withLastLine(message: string, logFile: string): string {
  const line = lastLogLine(logFile);
  return line === "" ? message : `${message}; it said last: ${line}`;
}

function lastLine(text: string): string {
  return strikeSecrets(text.trim().split("\n").at(-1)?.trim() ?? "").slice(0, 500);
}

function firstLine(text: string): string {
  return strikeSecrets(text.trim().split("\n")[0]?.trim() ?? "").slice(0, 500);
}
