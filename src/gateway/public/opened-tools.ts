import { isDeepStrictEqual } from "node:util";
import type { UpstreamConfig } from "../../config/config.ts";
import type { PinnedTool } from "./pins.ts";
import { createPublicTools, type PublicTools } from "./public-tools.ts";

/** What is served to whom. */
export interface Serving {
  readonly upstreams: Readonly<Record<string, UpstreamConfig>>;
  /** What the internet may call; usually nothing. */
  readonly pins: readonly PinnedTool[];
}

/** The tools that the internet may call now. */
export interface OpenedTools {
  readonly now: () => PublicTools | undefined;
  /** As UPSTREAM/TOOL. */
  readonly names: () => readonly string[];
  /** Opens these from now on, and no other. Where nothing of them differs, nothing happens. */
  replace(serving: Serving): void;
  close(): Promise<void>;
}

export function createOpenedTools(
  serving: Serving,
  options: Omit<Parameters<typeof createPublicTools>[0], "upstreams" | "pins">,
): OpenedTools {
  const { pathsOf } = options;
  const going = new Set<Promise<void>>();
  const identityOf = ({ upstreams, pins }: Serving): unknown =>
    pins.map(({ upstream, definition }) => [pathsOf(upstream), definition, upstreams[upstream]]);
  const open = ({ upstreams, pins }: Serving): PublicTools | undefined =>
    pins.length === 0 ? undefined : createPublicTools({ ...options, upstreams, pins });
  let { pins } = serving;
  let identity = identityOf(serving);
  let tools = open(serving);
  return {
    now: () => tools,
    names: () => pins.map(({ upstream, name }) => `${upstream}/${name}`),
    replace(changed) {
      const wanted = identityOf(changed);
      if (isDeepStrictEqual(wanted, identity)) return;
      const before = tools;
      tools = open(changed);
      identity = wanted;
      pins = changed.pins;
      if (before === undefined) return;
      const gone = before.close();
      going.add(gone);
      void gone.finally(() => going.delete(gone));
    },
    async close() {
      await Promise.all([tools?.close(), ...going]);
    },
  };
}
