import { unwatchFile, watchFile } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { GatewayConfig } from "../config/config.ts";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Gateway, GatewayRules } from "./gateway.ts";
import type { PinnedTool } from "./public/pins.ts";
import type { UpstreamChange, UpstreamConfigs } from "./served-set.ts";

/** What a configuration says that a gateway can be told while it runs. */
export interface Reread {
  readonly config: GatewayConfig;
  /** With those of the command line. */
  readonly upstreams: UpstreamConfigs;
}

/** The file to watch, and how to read the configuration again, which throws where it is not to be used. */
export interface WatchedFile {
  readonly path: string;
  /** What it said when the gateway was started. */
  readonly atStart: GatewayConfig;
  readonly read: () => Reread;
}

export type PinsOf = (reread: Reread) => readonly PinnedTool[];

export interface Reload {
  /** Reads the file now. Never throws: what is wrong with it is said, and changes nothing. */
  readonly now: () => void;
  stop(): void;
}

/**
 * How long a changed file goes unnoticed. Looked for by name, because a file is replaced by renaming as often as it is
 * written, and a ConfigMap's is a link to a link that is changed.
 */
const watchIntervalMs = 1_000;

/** Keeps a gateway as its file says. */
export function keepReloading(options: {
  readonly watched: WatchedFile;
  readonly gateway: Pick<Gateway, "update" | "replace">;
  /** The pins of what the internet may call. Throws where one is missing. */
  readonly pinsOf: PinsOf;
  readonly log: Log;
  /** Called around each reload. */
  readonly onBegin?: () => void;
  readonly onEnd?: (isUsed: boolean) => void;
}): Reload {
  const { watched, gateway, pinsOf, log, onBegin, onEnd } = options;
  const { path, atStart, read } = watched;
  const now = (): void => {
    onBegin?.();
    let isUsed = false;
    try {
      const { config, upstreams } = read();
      const pins = pinsOf({ config, upstreams });
      const change = gateway.replace({ upstreams, pins });
      gateway.update(rulesOf(config));
      isUsed = true;
      warnOfPublicTools(pins, log);
      log.info(`${path} was read again: ${changeText(change)}rules, capability and allowedOrigins hold from now on`);
      const fixed = (["listen", "sealingKey", "service"] as const).filter(
        (key) => !isDeepStrictEqual(config[key], atStart[key]),
      );
      for (const key of fixed) log.warn(`gateway.${key} was changed, and is read at the start alone: start it again`);
    } catch (error) {
      log.warn(`${path} was changed and is not used: ${messageOf(error)}`);
    }
    onEnd?.(isUsed);
  };
  watchFile(path, { interval: watchIntervalMs }, now);
  return { now, stop: () => unwatchFile(path, now) };
}

export function rulesOf({ capability, rules, allowedOrigins, audit }: GatewayConfig): GatewayRules {
  return {
    ...(capability === undefined ? {} : { capability }),
    ...(rules === undefined ? {} : { rules }),
    ...(allowedOrigins === undefined ? {} : { allowedOrigins }),
    ...(audit === undefined ? {} : { audit }),
  };
}

/** At every start, and whenever it may be another. */
export function warnOfPublicTools(pins: readonly PinnedTool[], log: Log): void {
  for (const { upstream, name } of pins) {
    log.warn(`OPEN TO THE INTERNET: anybody may call the tool ${name} of ${upstream} (gateway.publicTools)`);
  }
}

/** Such as `added wiki; removed notes; `, or nothing. */
export function changeText(change: UpstreamChange): string {
  return (["added", "removed", "changed"] as const)
    .filter((word) => change[word].length > 0)
    .map((word) => `${word} ${change[word].join(", ")}; `)
    .join("");
}
