import { loadWithCache } from "./code-cache.ts";

/** Runs this process as the bridge, whose bundle is `file`; `delegate` as in `runBridgeCli`. */
export function startBridge(file: string, delegate: () => Promise<void>): void {
  const { exports, keepCode } = loadWithCache(file, process.env.HOME);
  if (typeof exports.runBridgeCli !== "function") throw new Error(`there is no bridge in ${file}`);
  // By its first answer it has run all that a start runs.
  exports.runBridgeCli(delegate, keepCode);
}
