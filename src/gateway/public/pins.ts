import type { UpstreamConfig } from "../../config/config.ts";
import { type LockedServer, type LockResult, lockFileName } from "../../config/lock.ts";
import { isSame } from "../../config/lock-drift.ts";
import { messageOf, TsmcpError } from "../../core/errors.ts";
import { isObject } from "../../core/json-object.ts";
import { type JsonObject, stringAt } from "../../mcp/json.ts";
import { type ParamHeader, paramHeadersOf } from "../../mcp/param-headers.ts";
import { type Fit, strictSchema } from "../../mcp/strict-schema.ts";

/** A tool that the internet may call, as it was when somebody looked at it and locked it. */
export interface PinnedTool {
  readonly upstream: string;
  readonly name: string;
  /** Whole, to compare with what the server says now. */
  readonly definition: JsonObject;
  /** What the internet is shown of it. */
  readonly shown: JsonObject;
  readonly paramHeaders: readonly ParamHeader[];
  readonly judgeArguments: (value: unknown) => Fit;
  /** Undefined where the tool promises no structured content. */
  readonly judgeOutput: ((value: unknown) => Fit) | undefined;
}

/** Where pins are looked for. */
export interface Pinning {
  /** `gateway.publicTools`. */
  readonly publicTools: readonly string[];
  readonly upstreams: Readonly<Record<string, UpstreamConfig>>;
  readonly lock: LockResult;
  readonly lockFile: string;
}

/**
 * Returns the tools that `gateway.publicTools` names, each by its pin in the lock. Throws `config-invalid` for a name that is
 * not UPSTREAM/TOOL of an upstream that is served, for a pattern, and for a tool without a pin.
 */
export function pinnedTools({ publicTools, upstreams, lock, lockFile }: Pinning): readonly PinnedTool[] {
  const wanted = new Set(publicTools);
  return [...wanted].map((text) => {
    const at = text.indexOf("/");
    const [upstream, name] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
    if (at < 1 || name === "" || text.includes("*")) {
      throw invalid(
        text,
        "is not UPSTREAM/TOOL",
        'name one tool, such as "notes/search": patterns are not allowed here',
      );
    }
    const served = Object.hasOwn(upstreams, upstream) && upstreams[upstream]?.enabled !== false;
    if (!served) throw invalid(text, "names no upstream that is served", "name one of gateway.upstreams");
    const definition = pinOf({ upstream, name, lock });
    if (definition !== undefined) return pinnedTool({ text, upstream, name, definition });
    throw invalid(
      text,
      `has no pin in ${lockFile} (${stateOf(lock)})`,
      `start once without publicTools, look at the tool, and pin it from the tailnet: tsmcp doctor https://NODE:8443/mcp/${upstream} --update-lock --lock ${lockFileName}`,
    );
  });
}

/** Returns how the tools that a server has now differ from the pin; undefined where the tool is what was pinned. */
export function pinDefect({ name, definition }: PinnedTool, live: readonly JsonObject[]): string | undefined {
  const found = live.filter((tool) => tool.name === name);
  if (found.length !== 1) return found.length === 0 ? "the server has no such tool" : "the server has it twice";
  return isSame(found[0], definition) ? undefined : "it is not what was pinned in the lock";
}

function pinnedTool(pin: { text: string; upstream: string; name: string; definition: JsonObject }): PinnedTool {
  const { text, upstream, name, definition } = pin;
  const { inputSchema, outputSchema } = definition;
  const wanted = paramHeadersOf(inputSchema);
  try {
    if (!isObject(inputSchema)) throw new Error("it has no inputSchema");
    if (wanted.status === "invalid") throw new Error(wanted.reason);
    if (stringAt(definition.execution, "taskSupport") === "required") throw new Error("it runs as a task alone");
    // Clients of the legacy era drop a whole list for one such tool.
    const output = isObject(outputSchema) && outputSchema.type === "object" ? outputSchema : undefined;
    return {
      upstream,
      name,
      definition,
      shown: shownOf(definition, output),
      paramHeaders: wanted.headers,
      judgeArguments: strictSchema(inputSchema),
      judgeOutput: output === undefined ? undefined : strictSchema(output),
    };
  } catch (error) {
    throw invalid(
      text,
      `has a pin that cannot be used: ${messageOf(error)}`,
      "mend the tool's schema, and pin it anew",
    );
  }
}

/** No icons, which are links, no `_meta`, and no word of tasks, which the internet cannot have. */
function shownOf(
  { name, title, description, inputSchema, annotations }: JsonObject,
  outputSchema?: JsonObject,
): JsonObject {
  return JSON.parse(JSON.stringify({ name, title, description, inputSchema, outputSchema, annotations }));
}

/** The lock names a server as the configuration of the doctor did: by the upstream's name, or by its URL. */
function pinOf({ upstream, name, lock }: { upstream: string; name: string; lock: LockResult }): JsonObject | undefined {
  if (lock.status !== "ok") return undefined;
  const { servers } = lock.lock;
  const byUrl = Object.values(servers).filter(({ url }) => pathOf(url) === `/mcp/${upstream}`);
  const candidates = Object.hasOwn(servers, upstream) ? [servers[upstream]] : byUrl;
  return candidates
    .flatMap((server: LockedServer | undefined) => server?.tools ?? [])
    .find((tool) => tool.name === name);
}

function pathOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).pathname : undefined;
}

function stateOf(lock: LockResult): string {
  if (lock.status === "missing") return "there is no such file";
  return lock.status === "invalid" ? lock.reason : "the file has other tools";
}

function invalid(text: string, what: string, hint: string): TsmcpError {
  return new TsmcpError({
    code: "config-invalid",
    message: `gateway.publicTools: ${JSON.stringify(text)} ${what}`,
    hint,
  });
}
