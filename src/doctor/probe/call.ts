import { plainText } from "../plain-text.ts";
import type { ToolCall } from "../target.ts";
import type { Caller, Reply } from "./caller.ts";
import { type Opening, openedSession } from "./look.ts";
import { initializedMessage, initializeMessage, legacyMessage, modernMessage } from "./message.ts";

/** What a call of one tool came to. */
export type CallResult =
  | { readonly kind: "ran"; readonly isError: boolean; readonly status: number }
  | { readonly kind: "refused"; readonly status: number; readonly reason: string }
  | { readonly kind: "unanswered"; readonly reason: string }
  /** Never asked; see `Traffic`. */
  | { readonly kind: "held"; readonly reason: string };

/** Calls the tool once, opening as the server wants it, and ends the session that it opened. */
export async function callTool(
  caller: Caller,
  { call, opening }: { call: ToolCall; opening: Opening },
): Promise<CallResult> {
  const params = { name: call.tool, arguments: call.arguments };
  if (opening === "modern") return resultOf(await caller.post(modernMessage("tools/call", params)));
  if (opening === "none") return resultOf(await caller.post(legacyMessage("tools/call", params, [])));
  const opened = await caller.post(initializeMessage());
  if (opened.kind !== "answered" || opened.answer?.kind !== "result") return resultOf(opened);
  const session = openedSession(opened.headers, opened.answer);
  try {
    await caller.post(initializedMessage(session.headers));
    return resultOf(await caller.post(legacyMessage("tools/call", params, session.headers)));
  } finally {
    if (session.session) await caller.end(session.headers);
  }
}

function resultOf(reply: Reply): CallResult {
  if (reply.kind === "held") return reply;
  if (reply.kind !== "answered") return { kind: "unanswered", reason: reply.reason };
  const { status, answer } = reply;
  if (answer?.kind === "result") return { kind: "ran", isError: answer.result.isError === true, status };
  const said = answer?.kind === "error" ? `, ${plainText(answer.message, 120)} (${answer.code})` : "";
  return { kind: "refused", status, reason: `HTTP ${status}${said}` };
}
