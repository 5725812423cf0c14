import { join } from "node:path";
import { ours } from "./contestants.ts";
import type { Scene } from "./scene.ts";
import { startFastServer } from "./start-fast-server.ts";
import { openSession, startStdioAgent } from "./stdio-agent.ts";

/** What became of the calls. */
export interface Soak {
  readonly calls: number;
  readonly restarts: number;
  readonly results: number;
  /** Told by the bridge that they may have run. */
  readonly mayHaveRun: number;
  /** Told that they did not. */
  readonly otherErrors: number;
  /** Their different words. */
  readonly words: readonly string[];
  /** Without any answer. */
  readonly lost: number;
  readonly executedTwice: number;
  /** Open descriptors after, over those before. */
  readonly leakedHandles: number;
  readonly seconds: number;
}

/** `calls` calls, twenty at a time, while the server is killed and started again every 500. */
export async function benchSoak(scene: Scene, calls = 10_000): Promise<Soak> {
  const { tailnet } = scene;
  await using server = await startFastServer(await tailnet.api.reservePort(), join(tailnet.tempDir(), "marks"));
  const [host, vm] = await Promise.all([
    tailnet.startNode({ hostname: "soaked", tags: ["tag:server"] }),
    tailnet.startNode({ hostname: "soaker", tags: ["tag:agent"] }),
  ]);
  await host.serve({ port: 8443, target: `http://127.0.0.1:${server.port}` });
  const command = ours.command(`https://${host.dnsName}:8443/mcp`, `http://${vm.proxy}`);
  const agent = startStdioAgent(command, scene.newHome().env);
  await openSession(agent);
  await agent.ask("tools/call", { name: "work", arguments: {} });
  const before = agent.handles();
  const counts = { results: 0, mayHaveRun: 0, otherErrors: 0, lost: 0 };
  const words = new Set<string>();
  const start = performance.now();
  let next = 0;
  let restarts = 0;
  let restarting: Promise<unknown> = Promise.resolve();
  const worker = async (): Promise<void> => {
    while (next < calls) {
      const mark = next;
      next += 1;
      if (mark > 0 && mark % 500 === 0) {
        restarts += 1;
        restarting = restarting.then(() => server.restart());
      }
      const answer = await agent
        .ask("tools/call", { name: "work", arguments: { mark } }, 60_000)
        .catch(() => undefined);
      if (answer === undefined) counts.lost += 1;
      else if (answer.result !== undefined) counts.results += 1;
      else if (answer.error?.data?.mayHaveRun === true) counts.mayHaveRun += 1;
      else {
        counts.otherErrors += 1;
        words.add(answer.error?.message ?? "");
      }
    }
  };
  await Promise.all(Array.from({ length: 20 }, worker));
  await restarting;
  const seconds = (performance.now() - start) / 1_000;
  const executed = server.executed();
  const leakedHandles = Math.max(0, agent.handles() - before);
  await agent.end();
  return {
    calls,
    restarts,
    ...counts,
    words: [...words],
    executedTwice: executed.length - new Set(executed).size,
    leakedHandles,
    seconds,
  };
}
