import { plainJson } from "../../core/plain-text.ts";
import { strikeSecrets } from "../../core/secrets.ts";
import { type Entry, type Observer, subjectOf } from "./journal.ts";

/** `gateway.audit`. */
export interface AuditConfig {
  /** Whether there are audit lines at all; true unless it is said. */
  readonly calls?: boolean;
  /** Whether they tell what tools were called with. */
  readonly arguments?: boolean;
  /** Of the internet's requests that get nothing, one of so many is told; 100 unless it is said. */
  readonly publicEvery?: number;
}

const usualPublicEvery = 100;

/** Callers choose the names they ask for, and their length. */
const maxTextChars = 256;
const maxArgumentChars = 2_048;

/** Returns what writes a line about every request of the tailnet view, of the internet's about those that were let through, and some others. */
export function createAudit(config: () => AuditConfig, write: (line: string) => void): Observer {
  let passed = 0;
  return (entry) => {
    const { calls = true, arguments: tellsArguments = false, publicEvery = usualPublicEvery } = config();
    if (!calls) return;
    const isSampled = entry.view === "public" && !entry.decision.allowed;
    if (isSampled) {
      const isTold = passed % publicEvery === 0;
      passed += 1;
      if (!isTold) return;
    }
    write(auditLine(entry, { tellsArguments, sampled: isSampled ? publicEvery : undefined }));
  };
}

/** Returns the line about a request: JSON, in which nothing that a caller chose is long or ends a line. */
export function auditLine(
  entry: Entry,
  { tellsArguments, sampled }: { readonly tellsArguments: boolean; readonly sampled?: number | undefined },
): string {
  const { caller, request, decision, durationMs } = entry;
  const subject = request === undefined ? undefined : subjectOf(request);
  const line = {
    time: new Date(entry.atMs).toISOString(),
    kind: "audit",
    view: entry.view,
    ...(caller === undefined ? {} : { caller: cut(caller.login ?? caller.node), node: cut(caller.node) }),
    ...(caller === undefined || caller.tags.length === 0
      ? {}
      : { tags: caller.tags.slice(0, 16).map((tag) => cut(tag)) }),
    upstream: entry.upstream,
    method: request === undefined ? undefined : cut(request.method),
    tool: subject === undefined ? undefined : cut(subject),
    decision: decision.allowed ? "allow" : "deny",
    rule: decision.rule,
    outcome: entry.outcome,
    status: entry.status,
    durationMs: Math.round(durationMs * 1_000) / 1_000,
    bytesIn: entry.bytesIn,
    bytesOut: entry.bytesOut,
    sampled,
    ...(tellsArguments && entry.view === "private" ? { arguments: argumentText(entry) } : {}),
  };
  return plainJson(strikeSecrets(JSON.stringify(line)));
}

/** As a text, because half of a JSON object is none. */
function argumentText({ request }: Entry): string | undefined {
  const given = request?.params?.arguments;
  return given === undefined ? undefined : cut(JSON.stringify(given), maxArgumentChars);
}

function cut(text: string, maxChars = maxTextChars): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)}…`;
}
