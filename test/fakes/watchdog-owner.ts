import { spawn } from "node:child_process";
import { createWatchdog } from "../../src/process/watchdog.ts";

/** Tells the groups of two programs that heed nothing, of which the watchdog watches one; lives until it is killed. */
const start = (): number => spawn("sleep", ["60"], { detached: true, stdio: "ignore" }).pid ?? 0;
const [watched, forgotten, other] = [start(), start(), start()];
const watchdog = createWatchdog();
for (const group of [other, forgotten, watched]) watchdog.watch(group);
watchdog.forget(forgotten);
watchdog.forget(forgotten);
process.stdout.write(`${JSON.stringify({ watched, forgotten })}\n`);
setInterval(() => {}, 1_000);
