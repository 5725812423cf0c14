import { isDeepStrictEqual } from "node:util";
import type { UpstreamConfig } from "../config/config.ts";
import { TsmcpError } from "../core/errors.ts";
import type { OpenAnswers } from "./open-answers.ts";
import { createTaskTools } from "./task-handle.ts";
import type { CreateUpstream, UpstreamWorld } from "./upstream/create.ts";
import type { Served } from "./visit.ts";

export type UpstreamConfigs = Readonly<Record<string, UpstreamConfig>>;

/** The upstreams that are served now, by name. */
export interface ServedSet {
  readonly all: ReadonlyMap<string, Served>;
  /**
   * Serves these from now on. One whose entry did not change goes on undisturbed; of the others streams end, and calls have
   * a while for their answers. Throws as `createUpstream` does, and then nothing has changed.
   */
  replace(upstreams: UpstreamConfigs): UpstreamChange;
  /** Ends all, and what was replaced before. */
  close(): Promise<void>;
}

/** Names of upstreams. */
export interface UpstreamChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** How long calls to an upstream that goes may take for their answers. */
const drainMs = 10_000;

/** Throws `config-invalid` where there is none to serve, and as `createUpstream` does. */
export function createServedSet(options: {
  readonly upstreams: UpstreamConfigs;
  readonly createUpstream: CreateUpstream;
  readonly world: UpstreamWorld;
  readonly open: OpenAnswers;
}): ServedSet {
  const { createUpstream, world, open } = options;
  const all = new Map<string, Served>();
  let entries: ReadonlyMap<string, UpstreamConfig> = new Map();
  const going = new Set<Promise<void>>();

  const make = (wanted: ReadonlyMap<string, UpstreamConfig>): Map<string, Served> => {
    const made = new Map<string, Served>();
    try {
      for (const [name, config] of wanted) {
        const learnt = { uiTools: new Map(), paramHeaders: new Map(), taskTools: createTaskTools() };
        made.set(name, { upstream: createUpstream(name, config, world), learnt });
      }
      return made;
    } catch (error) {
      for (const { upstream } of made.values()) void upstream.close();
      throw error;
    }
  };
  const letGo = (served: Served): void => {
    open.endStreams(served);
    const gone = open.drained(drainMs, served).then(() => served.upstream.close());
    going.add(gone);
    void gone.finally(() => going.delete(gone));
  };
  const replace = (upstreams: UpstreamConfigs): UpstreamChange => {
    const wanted = enabledOf(upstreams);
    const old = entries;
    const isKept = (name: string): boolean => old.has(name) && isDeepStrictEqual(old.get(name), wanted.get(name));
    const made = make(new Map([...wanted].filter(([name]) => !isKept(name))));
    const before = new Map(all);
    const gone = [...before.keys()].filter((name) => !isKept(name));
    entries = wanted;
    all.clear();
    for (const name of wanted.keys()) {
      const served = made.get(name) ?? before.get(name);
      if (served !== undefined) all.set(name, served);
    }
    for (const name of gone) {
      const served = before.get(name);
      if (served !== undefined) letGo(served);
    }
    return {
      added: [...made.keys()].filter((name) => !before.has(name)),
      removed: gone.filter((name) => !wanted.has(name)),
      changed: gone.filter((name) => wanted.has(name)),
    };
  };
  replace(options.upstreams);
  return {
    all,
    replace,
    async close() {
      await Promise.all([...all.values()].map(({ upstream }) => upstream.close()));
      await Promise.all(going);
    },
  };
}

function enabledOf(upstreams: UpstreamConfigs): ReadonlyMap<string, UpstreamConfig> {
  const enabled = new Map(Object.entries(upstreams).filter(([, { enabled = true }]) => enabled));
  if (enabled.size > 0) return enabled;
  throw new TsmcpError({
    code: "config-invalid",
    message: "there is no upstream to serve",
    hint: "name one: --upstream notes=http://127.0.0.1:9000/mcp, or in the configuration under gateway.upstreams",
  });
}
