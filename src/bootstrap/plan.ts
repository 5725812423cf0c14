import { applyAgentConfig, decideAgentConfig } from "./apply/agent-config.ts";
import { applyDaemon, decideDaemon } from "./apply/daemon.ts";
import { applyExports, decideExports } from "./apply/exports.ts";
import { applyInstall, decideInstall } from "./apply/install.ts";
import { applyLogin, decideLogin } from "./apply/login.ts";
import { applyPreflight, decidePreflight } from "./apply/preflight.ts";
import { applyProxy, decideProxy } from "./apply/proxy.ts";
import { applyVerify, decideVerify } from "./apply/verify.ts";
import type { UpFacts } from "./facts.ts";
import type { UpRequest } from "./request.ts";
import type { Step, StepReport } from "./steps.ts";

/** The steps of `up`, in their order. */
export const steps: readonly Step[] = [
  { id: "preflight", decide: decidePreflight, apply: applyPreflight },
  { id: "install", decide: decideInstall, apply: applyInstall },
  { id: "daemon", decide: decideDaemon, apply: applyDaemon },
  { id: "login", decide: decideLogin, apply: applyLogin },
  { id: "proxy", decide: decideProxy, apply: applyProxy, completesJoin: true },
  { id: "exports", decide: decideExports, apply: applyExports },
  { id: "agent-config", decide: decideAgentConfig, apply: applyAgentConfig },
  { id: "verify", decide: decideVerify, apply: applyVerify },
];

/** Returns what `up` would do, as far as it can be told before it is done. */
export function planUp(facts: UpFacts, request: UpRequest): StepReport[] {
  const statusOf = { act: "planned", keep: "kept", skip: "skipped" } as const;
  return steps.map((step) => {
    const decision = step.decide(facts, request);
    return { id: step.id, status: statusOf[decision.kind], durationMs: 0, detail: decision.detail };
  });
}
