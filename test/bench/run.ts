import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { benchBootstrap } from "./bootstrap.ts";
import { benchBridgeStart } from "./bridge-start.ts";
import { benchGateway } from "./gateway.ts";
import { benchLoad } from "./load.ts";
import { startScene } from "./scene.ts";
import { benchSoak } from "./soak.ts";
import { printGateways, printLoad, printSoak, printTimes } from "./tables.ts";

/**
 * `npm run bench [ROUNDS] [up|start|load|soak|gateway …]`: everything, or those parts, on the real tailnet in one run, contestants
 * in turn, medians. The other bridges take part when they are installed: `npm ci --prefix test/bench/peers`.
 */
const [first = "7", ...named] = process.argv.slice(2);
const rounds = Number(first);
const wants = (part: string): boolean => named.length === 0 || named.includes(part);
if (wants("gateway")) printGateways(await benchGateway());
if (named.length === 1 && wants("gateway")) process.exit();
await using scene = await startScene();

if (wants("up")) {
  printTimes("From nothing to the first tools/list answer through the proxy", await benchBootstrap(scene, rounds), {
    ours: "tsmcp up",
    floor: "shell script",
  });
}
for (const name of wants("start") ? ["node-20", "node-22", "node-24"] : []) {
  const node = fileURLToPath(new URL(`../nodes/node_modules/${name}/bin/node`, import.meta.url));
  if (!existsSync(node)) continue;
  printTimes(
    `From start to the server's answer to initialize, ${name}`,
    await benchBridgeStart(scene, { rounds: rounds * 3, node, withPeers: name === "node-20" }),
    {
      ours: "tsmcp bridge",
      floor: "empty node",
    },
  );
}
if (wants("load")) printLoad(await benchLoad(scene));
if (wants("soak")) printSoak(await benchSoak(scene));
