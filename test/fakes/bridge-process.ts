import { runBridge } from "../../src/bridge/run.ts";
import { silentLog } from "../../src/core/log.ts";

/** The bridge as a process, without a command line: `bridge-process.ts URL [PROXY]`. */
const [url = "", proxy] = process.argv.slice(2);
const end = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => end.abort());
const { stdin, stdout, env } = process;
process.exit(
  await runBridge(
    { urls: [url], ...(proxy === undefined ? {} : { proxy }) },
    { stdin, stdout, env, log: silentLog, signal: end.signal },
  ),
);
