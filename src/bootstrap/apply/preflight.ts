import { requireTrustedSocket } from "../../tailscale/socket-trust.ts";
import type { Attempt } from "../attempt.ts";
import type { UpFacts } from "../facts.ts";
import { loginsKeptIn } from "../kept-login.ts";
import { hasWantedProxy, requireFreeAddress } from "../proxy-address.ts";
import type { UpRequest } from "../request.ts";
import { hasNoState } from "../state-directory.ts";
import { type Applied, act, type Decision, done, keep } from "../steps.ts";
import { decideDaemon } from "./daemon.ts";
import { planFor } from "./login.ts";
import { loginRefused } from "./login-errors.ts";

/** Nothing is to be checked where everything is as it was left. */
export function decidePreflight(facts: UpFacts, request: UpRequest): Decision {
  const { daemon, proxy, node } = facts;
  const isUp =
    daemon.kind === "ours" && !daemon.isUnsupervised && proxy?.answers === true && hasWantedProxy(facts, request);
  const isRefused = node !== undefined && planFor(node, daemon, request).kind === "refuse";
  return isUp && !isRefused ? keep("this node is up") : act("check what the steps need");
}

/** Throws what would make a later step fail, before anything is started or stopped. */
export async function applyPreflight(facts: UpFacts, attempt: Attempt): Promise<Applied> {
  await requireReady(facts, attempt);
  return done(facts, "nothing stands in the way");
}

/**
 * Throws what stands in the way, as far as it can be told beforehand: `daemon-foreign`, `login-failed`,
 * `proxy-port-taken`.
 */
export async function requireReady(
  facts: UpFacts,
  { request, layout, socket }: Pick<Attempt, "request" | "layout" | "socket">,
): Promise<void> {
  const { daemon, node } = facts;
  if (daemon.kind === "foreign") requireTrustedSocket(socket);
  const plan = node === undefined ? undefined : planFor(node, daemon, request);
  if (plan?.kind === "refuse") {
    const wasLoggedIn =
      plan.reason === "no-credential" && !hasNoState(layout.stateDir) && loginsKeptIn(layout.stateDir).length > 0;
    throw loginRefused(wasLoggedIn ? { kind: "refuse", reason: "login-ended" } : plan);
  }
  const canLogIn = request.credential !== undefined || request.interactive;
  if (!canLogIn && node === undefined && hasNoState(layout.stateDir)) {
    throw loginRefused({ kind: "refuse", reason: "no-credential" });
  }
  if (decideDaemon(facts, request).kind === "act") await requireFreeAddress(facts, request);
}
