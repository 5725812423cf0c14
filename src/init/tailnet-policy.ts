import { fillTemplate } from "./template.ts";

/**
 * Returns a whole policy file in HuJSON, each line with what it is for (https://tailscale.com/kb/1337/policy-syntax).
 * `agentTag` is that of the agents' machines; it has been checked.
 */
export function tailnetPolicyText(agentTag: string): string {
  return fillTemplate("policy/policy.hujson", { workspace: ".", servers: [] }, new Map([["AGENT_TAG", agentTag]]));
}
