import { plainText } from "../plain-text.ts";
import type { ToolCall } from "../target.ts";
import type { McpAnswer } from "./answer.ts";
import type { Caller, Reply } from "./caller.ts";
import { type Opening, openedSession } from "./look.ts";
import { initializedMessage, initializeMessage, legacyMessage, modernMessage } from "./message.ts";

/** What a call of one tool came to. */
export type CallResult =
  | { readonly kind: "ran"; readonly isError: boolean; readonly status: number; readonly trace: string }
  | {
      readonly kind: "refused";
      readonly status: number;
      /** JSON-RPC's, where there is one. */
      readonly code?: number | undefined;
      readonly reason: string;
      readonly trace: string;
    }
  | { readonly kind: "unanswered"; readonly reason: string }
  /** Never asked; see `Traffic`. */
  | { readonly kind: "held"; readonly reason: string };

/** Calls the tool once, opening as the server wants it, and ends the session that it opened. */
export async function callTool(
  caller: Caller,
  { call, opening }: { call: ToolCall; opening: Opening },
): Promise<CallResult> {
  const params = { name: call.tool, arguments: call.arguments };
  if (opening === "modern") return resultOf(await caller.post(modernMessage("tools/call", params)), call.tool);
  if (opening === "none") return resultOf(await caller.post(legacyMessage("tools/call", params, [])), call.tool);
  const opened = await caller.post(initializeMessage());
  if (opened.kind !== "answered" || opened.answer?.kind !== "result") return resultOf(opened, call.tool);
  const session = openedSession(opened.headers, opened.answer);
  try {
    await caller.post(initializedMessage(session.headers));
    return resultOf(await caller.post(legacyMessage("tools/call", params, session.headers)), call.tool);
  } finally {
    if (session.session) await caller.end(session.headers);
  }
}

/** Returns what the answer to a call of `tool` says. `trace` is all of it but what differs from one call to the next. */
export function resultOf(reply: Reply, tool: string): CallResult {
  if (reply.kind === "held") return reply;
  if (reply.kind !== "answered") return { kind: "unanswered", reason: reply.reason };
  const { status, answer } = reply;
  const trace = `${status} ${traceOf(answer, tool)}`;
  if (answer?.kind === "result") return { kind: "ran", isError: answer.result.isError === true, status, trace };
  const said = answer?.kind === "error" ? `, ${plainText(answer.message, 120)} (${answer.code})` : "";
  const code = answer?.kind === "error" ? answer.code : undefined;
  return { kind: "refused", status, code, reason: `HTTP ${status}${said}`, trace };
}

const maxTraceChars = 4_096;

/** The name asked for, and what looks like the id of a request, tell nothing. */
function traceOf(answer: McpAnswer | undefined, tool: string): string {
  const text = JSON.stringify(answer ?? null).slice(0, maxTraceChars);
  return text.replaceAll(tool, "TOOL").replaceAll(/[0-9a-f-]{8,}/gi, "ID");
}
