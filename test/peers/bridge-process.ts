import type { BridgeOptions } from "../../src/bridge/options.ts";
import { runBridge } from "../../src/bridge/run.ts";
import { silentLog } from "../../src/core/log.ts";

/** The bridge as a process of its own, without a command line; the argument is its options as JSON. */
const options: BridgeOptions = JSON.parse(process.argv[2] ?? "{}");
const { stdin, stdout, env } = process;
process.exit(await runBridge(options, { stdin, stdout, env, log: silentLog, signal: new AbortController().signal }));
