import type { UpstreamConfig } from "../../config/config.ts";
import type { Log } from "../../core/log.ts";
import { modernVersion, modernVersionOf } from "../../mcp/era.ts";
import { errorText, type RequestMessage, resultText } from "../../mcp/message.ts";
import type { Head } from "../head.ts";
import type { Incoming } from "../incoming.ts";
import type { Note } from "../journal/journal.ts";
import { headerDefect, headerMismatch, legacyHeaderDefect, paramDefect, versionDefect } from "../mcp-headers.ts";
import { type PlainAnswer, publicAnswer, publicRefusal } from "../public-view.ts";
import type { CreateUpstream, UpstreamWorld } from "../upstream/create.ts";
import { internalError } from "../visit.ts";
import { type OpenedUpstream, openUpstream } from "./opened-upstream.ts";
import type { PinnedTool } from "./pins.ts";

/** The tools that the internet may call. */
export interface PublicTools {
  /**
   * Returns the answer to what came on `path`. Everything that does not name an opened tool on its own path is answered as
   * if there were none: in the same words, and without asking anybody.
   */
  answer(asked: PublicAsked): PlainAnswer | Promise<PlainAnswer>;
  close(): Promise<void>;
}

export interface PublicAsked {
  readonly path: string;
  readonly head: Head;
  readonly incoming: Incoming;
  readonly note: Pick<Note, "opened" | "denied" | "answered" | "failed">;
  /** Aborted when the caller has gone. */
  readonly signal: () => AbortSignal;
}

export function createPublicTools(options: {
  readonly pins: readonly PinnedTool[];
  readonly upstreams: Readonly<Record<string, UpstreamConfig>>;
  /** The paths of each upstream. */
  readonly pathsOf: (upstream: string) => readonly string[];
  readonly createUpstream: CreateUpstream;
  readonly world: UpstreamWorld;
  readonly log: Log;
}): PublicTools {
  const { pins, upstreams, pathsOf, createUpstream, world, log } = options;
  const opened = [...new Set(pins.map(({ upstream }) => upstream))].map((name) => {
    const own = createUpstream(`${name} (public)`, ownConfig(upstreams[name] ?? {}), world);
    return {
      name,
      upstream: openUpstream(
        own,
        pins.filter((pin) => pin.upstream === name),
        { log },
      ),
    };
  });
  const byPath = new Map(opened.flatMap((one) => pathsOf(one.name).map((path) => [path, one] as const)));
  return {
    answer({ path, head, incoming, note, signal }) {
      const { name, upstream } = byPath.get(path) ?? {};
      if (
        upstream === undefined ||
        name === undefined ||
        incoming.kind !== "one" ||
        incoming.message.kind !== "request"
      ) {
        return publicAnswer(incoming);
      }
      const { message } = incoming;
      const tool = message.method === "tools/call" ? upstream.find(message.params?.name) : undefined;
      if (tool === undefined) return publicAnswer(incoming, upstream.tools());
      note.opened(name);
      return call({ upstream, tool, head, message, note, signal });
    },
    close: async () => void (await Promise.all(opened.map(({ upstream }) => upstream.close()))),
  };
}

/** One child for all strangers, who have no names. */
function ownConfig(config: UpstreamConfig): UpstreamConfig {
  const { isolation: _isolation, maxChildren: _maxChildren, identity: _identity, ...own } = config;
  return own;
}

async function call(asked: {
  readonly upstream: OpenedUpstream;
  readonly tool: PinnedTool;
  readonly head: Head;
  readonly message: RequestMessage;
  readonly note: PublicAsked["note"];
  readonly signal: () => AbortSignal;
}): Promise<PlainAnswer> {
  const { upstream, tool, head, message, note, signal } = asked;
  const { id, params } = message;
  const version = modernVersionOf(message);
  // Refused in the words for every unknown version.
  if (version !== undefined && version !== modernVersion) {
    note.denied("head and body are no valid request");
    return publicAnswer({ kind: "one", message });
  }
  const defect =
    version === undefined
      ? legacyHeaderDefect(head, message)
      : (versionDefect(head, version) ??
        headerDefect(head, message) ??
        paramDefect(head, message, new Map([[tool.name, tool.paramHeaders]])));
  if (defect !== undefined) {
    note.denied("head and body are no valid request");
    const code = version === undefined ? -32600 : headerMismatch;
    return { status: 400, body: errorText(id, { code, message: `Bad Request: ${defect}` }) };
  }
  const called = await upstream.call(tool, params?.arguments ?? {}, signal());
  switch (called.kind) {
    case "result": {
      note.answered(message, called);
      const complete = version === undefined ? {} : { resultType: "complete" };
      return { status: 200, body: resultText(id, { ...complete, ...called.result }) };
    }
    case "unpinned":
      note.denied("the tool is not as it was pinned");
      return publicAnswer({ kind: "one", message });
    case "busy":
      note.denied("too many call it");
      return publicRefusal(429);
    case "invalid":
      note.denied("the arguments are not as pinned");
      return { status: 200, body: errorText(id, { code: -32602, message: "Invalid params" }) };
    case "failed":
      note.failed(message);
      return { status: 200, body: errorText(id, internalError) };
  }
}
