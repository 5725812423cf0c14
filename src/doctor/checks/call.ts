import { type Outcome, targetCheck } from "../check.ts";
import { tailnetView } from "../facts/tailnet-view.ts";
import { type CallResult, callTool } from "../probe/call.ts";
import { createCaller } from "../probe/caller.ts";
import { plainly } from "../probe/disguise.ts";

export const callSource = "https://modelcontextprotocol.io/specification/2025-11-25/server/tools";

type CallFinding =
  | { readonly kind: "called"; readonly tool: string; readonly result: CallResult }
  | { readonly kind: "not-called"; readonly reason: string };

export const unnamed = "no tool was named; --call-tool NAME names one";

export const tailnetCall = targetCheck<CallFinding>({
  id: "tailnet.call",
  group: "tailnet",
  title: "a tool can be called on the tailnet",
  needs: ["tailnet.tools"],
  timeoutMs: 30_000,
  source: callSource,
  explain: {
    proves:
      "The one tool that --call-tool or the configuration's probe names runs when it is called on the tailnet side.",
    breaks: "A tool that is listed and refused, fails, or does not end.",
    mend: "Look at the server's log for the call.",
  },
  async gather(context, signal) {
    if (context.target.probe === undefined) return { kind: "not-called", reason: unnamed };
    const { route, sighting } = await tailnetView(context);
    const { probe: call } = context.target;
    const caller = createCaller({ route, disguise: plainly, traffic: context.traffic, signal });
    return { kind: "called", tool: call.tool, result: await callTool(caller, { call, opening: sighting.opening }) };
  },
  judge: judgeTailnetCall,
});

export function judgeTailnetCall(found: CallFinding): Outcome {
  if (found.kind === "not-called") return { status: "skip", message: found.reason };
  const { tool, result } = found;
  if (result.kind === "ran" && !result.isError) return { status: "pass", message: `${tool} ran`, facts: { tool } };
  if (result.kind === "held") return { status: "unknown", message: `${tool}: ${result.reason}`, facts: { tool } };
  const reason = result.kind === "ran" ? "the tool says that it failed" : result.reason;
  return {
    status: "fail",
    message: `${tool}: ${reason}`,
    facts: { tool, reason },
    hint: "look at the server's log for the call",
  };
}
