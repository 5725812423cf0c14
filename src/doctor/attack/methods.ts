import { randomUUID } from "node:crypto";
import type { JsonObject } from "../../mcp/json.ts";
import type { TargetContext } from "../context.ts";
import { tailnetView } from "../facts/tailnet-view.ts";
import { createCaller, type Reply } from "../probe/caller.ts";
import { curl, withSession } from "../probe/curl.ts";
import { plainly } from "../probe/disguise.ts";
import { lookWith, nothingSeen, type Sighting } from "../probe/look.ts";
import { approach, type OpenApproach, type Voice, voiceOf } from "./approach.ts";
import type { Attack, Try } from "./attack.ts";

interface Question {
  readonly method: string;
  readonly params: object;
  /** The list in the result that must be empty. */
  readonly list: string;
  readonly what: string;
}

/** What an ordinary client lists beside the tools. */
export const listQuestions: readonly Question[] = [
  { method: "prompts/list", params: {}, list: "prompts", what: "prompts" },
  { method: "resources/list", params: {}, list: "resources", what: "resources" },
  { method: "resources/templates/list", params: {}, list: "resourceTemplates", what: "resource templates" },
];

/** What few gates think of. */
export const rareQuestions: readonly Question[] = [
  {
    method: "completion/complete",
    params: { ref: { type: "ref/prompt", name: "" }, argument: { name: "", value: "" } },
    list: "values",
    what: "completions",
  },
  { method: "tasks/list", params: {}, list: "tasks", what: "tasks" },
  { method: "skills/list", params: {}, list: "skills", what: "skills" },
  { method: "resources/directory/read", params: { uri: "/" }, list: "entries", what: "directory entries" },
  { method: "prompts/get", params: { name: `tsmcp-doctor-${randomUUID()}` }, list: "messages", what: "messages" },
  { method: "resources/read", params: { uri: "tsmcp-doctor://nothing" }, list: "contents", what: "contents" },
];

/** Asks the public side these questions, without a disguise. */
export async function askQuestions(
  context: TargetContext,
  { questions, signal }: { readonly questions: readonly Question[]; readonly signal: AbortSignal },
): Promise<Attack> {
  const open = await approach(context);
  if (open.kind !== "open") return open;
  const voice = await voiceOf(context, open);
  const tries = questions.map((question) => ask(context, { open, question, voice, signal }));
  const replayed = await replayCursor(context, { open, voice, signal });
  return { kind: "tried", tries: [...(await Promise.all(tries)), ...replayed], allowed: open.allowed };
}

/**
 * A gate may take a cursor for proof that the first page was shown. One that the tailnet side gave goes to no other name;
 * where it gave none, there is nothing to try.
 */
async function replayCursor(
  context: TargetContext,
  request: { readonly open: OpenApproach; readonly voice: Voice; readonly signal: AbortSignal },
): Promise<readonly Try[]> {
  if (context.machine.request.vantage === "public") return [];
  const { open, voice, signal } = request;
  const { route } = open;
  const { sighting: inside, route: inner } = await tailnetView(context);
  if (inside.cursor === undefined || inner.url.hostname !== route.url.hostname) return [];
  const message = voice.say("tools/list", { cursor: inside.cursor });
  const caller = createCaller({ route, disguise: plainly, traffic: context.traffic, signal });
  const sighting = await lookWith(caller, message);
  const reproduce = (): string =>
    withSession(message, { route, line: (shown) => curl({ route, disguise: plainly, message: shown }) });
  return [{ url: route.url.href, label: "a cursor that the tailnet side gave", sighting, reproduce }];
}

async function ask(
  context: TargetContext,
  request: {
    readonly open: OpenApproach;
    readonly question: Question;
    readonly voice: Voice;
    readonly signal: AbortSignal;
  },
): Promise<Try> {
  const { open, question, voice, signal } = request;
  const { route } = open;
  const message = voice.say(question.method, question.params);
  const caller = createCaller({ route, disguise: plainly, traffic: context.traffic, signal });
  const first = await caller.post(message);
  const reply = first.kind === "failed" && first.layer === "http" ? await caller.post(message) : first;
  const found =
    reply.kind === "answered" && reply.answer?.kind === "result" ? countOf(reply.answer.result, question) : 0;
  return {
    url: route.url.href,
    label: question.method,
    sighting: sightingOf(reply),
    hole: found > 0 ? `gets ${found} ${question.what} by ${question.method}` : undefined,
    reproduce: () =>
      withSession(message, { route, line: (shown) => curl({ route, disguise: plainly, message: shown }) }),
  };
}

function countOf(result: JsonObject, { list }: Question): number {
  const { completion } = result;
  const inner = typeof completion === "object" && completion !== null ? Reflect.get(completion, list) : undefined;
  const values: unknown = result[list] ?? inner;
  return Array.isArray(values) ? values.length : 0;
}

function sightingOf(reply: Reply): Sighting {
  const base = { ...nothingSeen, opening: "none", opened: false } as const;
  if (reply.kind === "answered")
    return { ...base, kind: "unlisted", status: reply.status, reason: `HTTP ${reply.status}` };
  return { ...base, kind: reply.kind === "held" ? "held" : "broken", reason: reply.reason };
}
