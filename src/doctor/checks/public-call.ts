import { randomUUID } from "node:crypto";
import { approach, voiceOf } from "../attack/approach.ts";
import { publicDoor } from "../attack/public-door.ts";
import { type Outcome, targetCheck } from "../check.ts";
import type { TargetContext } from "../context.ts";
import { control } from "../facts/control.ts";
import { tailnetView } from "../facts/tailnet-view.ts";
import { type CallResult, callTool, resultOf } from "../probe/call.ts";
import { createCaller } from "../probe/caller.ts";
import { curl, withSession } from "../probe/curl.ts";
import { plainly } from "../probe/disguise.ts";
import type { ToolCall } from "../target.ts";
import { callSource, unnamed } from "./call.ts";

type PublicCallFinding =
  | { readonly kind: "not-called"; readonly reason: string }
  /** The tool that the user named, and one that does not exist. */
  | { readonly kind: "called"; readonly tool: string; readonly result: CallResult; readonly madeUp: CallResult }
  /** No tool was named: one that does not exist, on both sides where that is cheap. */
  | {
      readonly kind: "made-up";
      readonly outside: CallResult;
      readonly inside: CallResult | undefined;
      readonly reproduce: string;
    };

export const publicCall = targetCheck<PublicCallFinding>({
  id: "public.call",
  group: "public",
  title: "the internet cannot call a tool",
  needs: ["public.address"],
  timeoutMs: 30_000,
  source: callSource,
  explain: {
    proves:
      "The one tool that --call-tool or the configuration's probe names is refused on the public side, in the words that a tool gets that does not exist. Where none is named, a tool that does not exist is called on both sides, which tells whether calls get to the same place. A tool that is hidden from the list may still answer.",
    breaks: "A gate that filters tools/list and forgets tools/call.",
    mend: "Refuse on the public side every method that is not needed there, by an allow-list.",
  },
  async gather(context, signal) {
    const { probe } = context.target;
    return probe === undefined ? callNothing(context, signal) : callNamed(context, probe, signal);
  },
  judge: judgePublicCall,
});

const allowList = "refuse on the public side every method that is not needed there, by an allow-list";

export function judgePublicCall(found: PublicCallFinding): Outcome {
  if (found.kind === "not-called") return { status: "skip", message: found.reason };
  if (found.kind === "made-up") return judgeMadeUp(found);
  const { tool, result, madeUp } = found;
  const facts = { tool };
  if (result.kind === "unanswered" || result.kind === "held")
    return { status: "unknown", message: result.reason, facts };
  // Servers report an unknown tool as a result with isError, so that alone is no proof that it ran.
  if (result.kind === "ran" && !result.isError) {
    return {
      status: "fail",
      message: `the internet can call ${tool}, whatever the list shows`,
      facts,
      hint: allowList,
    };
  }
  const shown = result.kind === "ran" ? `${tool} gives an error` : `${tool} is refused (${result.reason})`;
  if (madeUp.kind === "unanswered" || madeUp.kind === "held" || madeUp.trace === result.trace)
    return { status: "pass", message: shown, facts };
  return {
    status: "warn",
    message: `${shown}, and otherwise than a tool that does not exist: the internet can tell which there are`,
    facts,
    hint: allowList,
  };
}

function judgeMadeUp({ outside, inside, reproduce }: Extract<PublicCallFinding, { kind: "made-up" }>): Outcome {
  if (outside.kind === "unanswered" || outside.kind === "held") return { status: "unknown", message: outside.reason };
  if (inside?.kind === "unanswered" || inside?.kind === "held")
    return { status: "unknown", message: `the tailnet side: ${inside.reason}` };
  const isAlike = inside === undefined ? hasLooked(outside) : outside.trace === inside.trace;
  if (!isAlike)
    return { status: "pass", message: "a call of no tool is answered otherwise than by a server with tools" };
  const as = inside === undefined ? "by a server that has looked for the tool" : "as on the tailnet";
  return {
    status: "warn",
    message: `a call of no tool is answered ${as}, so a call of a tool may be answered too`,
    facts: { status: outside.status },
    reproduce,
    hint: "prove it with --call-tool NAME, which calls that one tool on both sides",
  };
}

/**
 * What a server answers that looked the name up among its tools, and not a gate before it: -32602, or a result.
 * Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#error-handling
 */
function hasLooked(result: CallResult): boolean {
  return result.kind === "ran" || (result.kind === "refused" && result.code === invalidParams);
}

const invalidParams = -32_602;

async function callNamed(context: TargetContext, call: ToolCall, signal: AbortSignal): Promise<PublicCallFinding> {
  const standing = await control(context);
  if (standing.kind === "missing") return { kind: "not-called", reason: standing.reason };
  const door = await publicDoor(context);
  if (door.kind === "closed") return { kind: "not-called", reason: door.reason };
  const { route, opening } = door;
  const caller = createCaller({ route, disguise: plainly, traffic: context.traffic, signal });
  const result = await callTool(caller, { call, opening });
  return {
    kind: "called",
    tool: call.tool,
    result,
    madeUp: await callTool(caller, { call: { ...call, tool: noTool() }, opening }),
  };
}

async function callNothing(context: TargetContext, signal: AbortSignal): Promise<PublicCallFinding> {
  if (context.machine.request.vantage === "public") return { kind: "not-called", reason: unnamed };
  const open = await approach(context);
  if (open.kind !== "open") return { kind: "not-called", reason: open.reason };
  const { sighting, route: inner } = await tailnetView(context);
  if (!sighting.opened) return { kind: "not-called", reason: unnamed };
  const { route } = open;
  const stranger = createCaller({ route, disguise: plainly, traffic: context.traffic, signal });
  const owner = createCaller({ route: inner, disguise: plainly, traffic: context.traffic, signal });
  const call: ToolCall = { tool: noTool(), arguments: {} };
  const voice = await voiceOf(context, open);
  const message = voice.say("tools/call", { name: call.tool, arguments: call.arguments });
  const outside = resultOf(await stranger.post(message), call.tool);
  // A session of the public side is nothing to show on the other, and one more there takes four requests.
  const inside = open.needsSession ? undefined : resultOf(await owner.post(message), call.tool);
  const reproduce = withSession(message, {
    route,
    line: (shown) => curl({ route, disguise: plainly, message: shown }),
  });
  return { kind: "made-up", outside, inside, reproduce };
}

/** A name that cannot exist. */
function noTool(): string {
  return `tsmcp-doctor-${randomUUID()}`;
}
