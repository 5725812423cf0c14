import { startTailnet } from "./tailnet.ts";

// A whole harness in a process of its own, for the test that kills it. It says on stdout what must be gone afterwards.
const tailnet = await startTailnet();
const node = await tailnet.startNode({ hostname: "trial" });
process.stdout.write(
  `${JSON.stringify({ runDir: tailnet.runDir, pids: [tailnet.pid, node.pid], env: tailnet.env() })}\n`,
);
