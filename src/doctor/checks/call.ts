import { publicDoor } from "../attack/public-door.ts";
import { type Outcome, targetCheck } from "../check.ts";
import type { TargetContext } from "../context.ts";
import { control } from "../facts/control.ts";
import { tailnetView } from "../facts/tailnet-view.ts";
import { type CallResult, callTool } from "../probe/call.ts";
import { createCaller } from "../probe/caller.ts";
import { plainly } from "../probe/disguise.ts";
import type { Opening } from "../probe/look.ts";
import type { Route } from "../probe/route.ts";

const source = "https://modelcontextprotocol.io/specification/2025-11-25/server/tools";

interface Called {
  readonly tool: string;
  readonly result: CallResult;
}

type CallFinding = ({ readonly kind: "called" } & Called) | { readonly kind: "not-called"; readonly reason: string };

const unnamed = "no tool was named; --call-tool NAME names one";

export const tailnetCall = targetCheck<CallFinding>({
  id: "tailnet.call",
  group: "tailnet",
  title: "a tool can be called on the tailnet",
  needs: ["tailnet.tools"],
  timeoutMs: 30_000,
  source,
  explain: {
    proves:
      "The one tool that --call-tool or the configuration's probe names runs when it is called on the tailnet side.",
    breaks: "A tool that is listed and refused, fails, or does not end.",
    mend: "Look at the server's log for the call.",
  },
  async gather(context, signal) {
    if (context.target.probe === undefined) return { kind: "not-called", reason: unnamed };
    const { route, sighting } = await tailnetView(context);
    return callBy(context, { route, opening: sighting.opening, signal });
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

export const publicCall = targetCheck<CallFinding>({
  id: "public.call",
  group: "public",
  title: "the internet cannot call a tool",
  needs: ["public.address"],
  timeoutMs: 30_000,
  source,
  explain: {
    proves:
      "The one tool that --call-tool or the configuration's probe names is refused on the public side. A tool that is hidden from the list may still answer.",
    breaks: "A gate that filters tools/list and forgets tools/call.",
    mend: "Refuse on the public side every method that is not needed there, by an allow-list.",
  },
  async gather(context, signal) {
    if (context.target.probe === undefined) return { kind: "not-called", reason: unnamed };
    const standing = await control(context);
    if (standing.kind === "missing") return { kind: "not-called", reason: standing.reason };
    const door = await publicDoor(context);
    if (door.kind === "closed") return { kind: "not-called", reason: door.reason };
    return callBy(context, { ...door, signal });
  },
  judge: judgePublicCall,
});

export function judgePublicCall(found: CallFinding): Outcome {
  if (found.kind === "not-called") return { status: "skip", message: found.reason };
  const { tool, result } = found;
  const facts = { tool };
  if (result.kind === "unanswered" || result.kind === "held")
    return { status: "unknown", message: result.reason, facts };
  if (result.kind === "refused") return { status: "pass", message: `${tool} is refused (${result.reason})`, facts };
  // Servers report an unknown tool as a result with isError, so that alone is no proof that it ran.
  if (result.isError) return { status: "pass", message: `${tool} gives an error`, facts };
  return {
    status: "fail",
    message: `the internet can call ${tool}, whatever the list shows`,
    facts,
    hint: "refuse on the public side every method that is not needed there, by an allow-list",
  };
}

async function callBy(
  { target, traffic }: TargetContext,
  { route, opening, signal }: { readonly route: Route; readonly opening: Opening; readonly signal: AbortSignal },
): Promise<CallFinding> {
  if (target.probe === undefined) return { kind: "not-called", reason: unnamed };
  const caller = createCaller({ route, disguise: plainly, traffic, signal });
  return { kind: "called", tool: target.probe.tool, result: await callTool(caller, { call: target.probe, opening }) };
}
