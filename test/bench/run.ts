import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readmePath } from "../../scripts/readme/generate.ts";
import { fillIn } from "../../scripts/readme/tables.ts";
import { benchBootstrap } from "./bootstrap.ts";
import { benchBridgeStart } from "./bridge-start.ts";
import { benchCallCost } from "./call-cost.ts";
import { ours, rival } from "./contestants.ts";
import { benchCycles } from "./cycles.ts";
import { benchFlood } from "./flood.ts";
import { benchGateway } from "./gateway.ts";
import { gatewayPart } from "./gateway-table.ts";
import { benchLoad, type Load, raw } from "./load.ts";
import { describeHost, describeMachine, otherLoad } from "./machine.ts";
import { measuredPart } from "./measured.ts";
import { prepareBench } from "./prepare.ts";
import { startScene } from "./scene.ts";
import { benchSoak, type Soak } from "./soak.ts";
import type { Summary } from "./statistics.ts";
import { printCallCosts, printCycles, printFloods, printGateways, printLoad, printSoak, printTimes } from "./tables.ts";

/**
 * `npm run bench [ROUNDS] [up|cycles|start|calls|load|soak|gateway|flood|readme …]`: everything, or those parts, on the real tailnet in one run,
 * contestants in turn, medians. `readme` runs what the README's table of bridges needs, and writes it; `gateway` writes the
 * one of gateways. What it lacks it installs first.
 */
const [first = "7", ...named] = process.argv.slice(2);
const rounds = Number(first);
const isForReadme = named.includes("readme");
const wants = (part: string): boolean =>
  named.length === 0 || named.includes(part) || (isForReadme && ["start", "load", "soak"].includes(part));
const emptyNode = "empty node";
const nodes = ["node-20", "node-22", "node-24"]
  .map((name) => ({ name, path: fileURLToPath(new URL(`../nodes/node_modules/${name}/bin/node`, import.meta.url)) }))
  .filter(({ path }) => existsSync(path));
const loadBefore = otherLoad();
prepareBench();
const gateways = wants("gateway") ? await benchGateway() : undefined;
if (gateways !== undefined) printGateways(gateways);
const floods = wants("flood") || wants("gateway") ? await benchFlood() : [];
if (floods.length > 0) printFloods(floods);
if (gateways !== undefined) {
  const part = gatewayPart(`${describeHost(loadBefore)}.`, { loads: gateways, floods });
  writeFileSync(readmePath, fillIn(readFileSync(readmePath, "utf8"), { "measured-gateway": part }));
}
if (named.length > 0 && named.every((part) => part === "gateway" || part === "flood")) process.exit();
await using scene = await startScene();

if (wants("up")) {
  const { clock, processor } = await benchBootstrap(scene, rounds);
  const names = { ours: "tsmcp up", floor: "shell script" };
  printTimes(
    "From nothing to the first tools/list answer through the proxy (goal: script + 400; again: 250)",
    clock,
    names,
  );
  printTimes("The same in processor time, without tailscaled's own", processor, names);
}
if (wants("cycles")) printCycles(await benchCycles(scene));
const starts: Record<string, Record<string, Summary>> = {};
for (const { name, path } of wants("start") ? nodes : []) {
  const withPeers = name === "node-20";
  const summaries = await benchBridgeStart(scene, { rounds: rounds * 3, node: path, withPeers });
  printTimes(`From start to the server's answer to initialize, ${name}`, summaries, {
    ours: ours.name,
    floor: emptyNode,
  });
  starts[name.replace("node-", "Node.js ")] = summaries;
}
if (wants("calls")) printCallCosts(await benchCallCost(scene, rounds));
let loads: Record<string, Load> | undefined;
if (wants("load")) {
  loads = await benchLoad(scene);
  printLoad(loads);
}
let soak: Soak | undefined;
if (wants("soak")) {
  soak = await benchSoak(scene);
  printSoak(soak);
}
if (isForReadme && loads !== undefined && soak !== undefined) {
  const machine = describeMachine({ binDir: scene.tailnet.binDir, nodes: nodes.map(({ path }) => path), loadBefore });
  const part = measuredPart({ machine, starts, loads, soak }, { ours: ours.name, emptyNode, raw, rival });
  writeFileSync(readmePath, fillIn(readFileSync(readmePath, "utf8"), { measured: part }));
}
