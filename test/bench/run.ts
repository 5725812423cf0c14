import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { benchBootstrap } from "./bootstrap.ts";
import { benchBridgeStart } from "./bridge-start.ts";
import { startScene } from "./scene.ts";
import type { Summary } from "./statistics.ts";

/** `npm run bench [ROUNDS]`: everything on the real tailnet, contestants in turn, medians. */
const rounds = Number(process.argv[2] ?? 7);
await using scene = await startScene();

print("From nothing to the first tools/list answer through the proxy", await benchBootstrap(scene, rounds), {
  ours: "tsmcp up",
  floor: "shell script",
});
for (const name of ["node-20", "node-22", "node-24"]) {
  const node = fileURLToPath(new URL(`../nodes/node_modules/${name}/bin/node`, import.meta.url));
  if (!existsSync(node)) continue;
  print(`From start to the server's answer to initialize, ${name}`, await benchBridgeStart(scene, rounds * 3, node), {
    ours: "tsmcp bridge",
    floor: "empty node",
  });
}

function print(
  title: string,
  summaries: Readonly<Record<string, Summary>>,
  { ours, floor }: { ours: string; floor: string },
): void {
  console.log(`\n${title}\n`);
  console.log("| | median ms | min | max | runs |\n|---|---|---|---|---|");
  for (const [name, { median, min, max, runs }] of Object.entries(summaries)) {
    console.log(`| ${name} | ${median.toFixed(0)} | ${min.toFixed(0)} | ${max.toFixed(0)} | ${runs} |`);
  }
  const difference = (summaries[ours]?.median ?? Number.NaN) - (summaries[floor]?.median ?? Number.NaN);
  console.log(`\n${ours} over ${floor}: ${difference >= 0 ? "+" : ""}${difference.toFixed(0)} ms`);
}
