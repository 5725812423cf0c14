import { requireTrustedSocket } from "../../tailscale/socket-trust.ts";
import type { Attempt } from "../attempt.ts";
import type { UpFacts } from "../facts.ts";
import { hasNoState } from "../state-directory.ts";
import { type Applied, act, type Decision, done, keep } from "../steps.ts";
import { loginRefused } from "./login-errors.ts";

/** Nothing is to be checked where everything is as it was left. */
export function decidePreflight({ daemon, proxy }: UpFacts): Decision {
  return daemon.kind === "ours" && proxy?.answers === true ? keep("this node is up") : act("check what the steps need");
}

/** Throws what would make a later step fail, before anything is started. */
export async function applyPreflight(facts: UpFacts, attempt: Attempt): Promise<Applied> {
  const { request, layout, socket } = attempt;
  if (facts.daemon.kind === "foreign") requireTrustedSocket(socket);
  const canLogIn = request.credential !== undefined || request.interactive;
  if (!canLogIn && facts.node === undefined && hasNoState(layout.stateDir)) {
    throw loginRefused({ kind: "refuse", reason: "no-credential" });
  }
  return done(facts, "nothing stands in the way");
}
