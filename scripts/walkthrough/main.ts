import { mkdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { copiedRecipe } from "../../test/peers/gates/flawed.ts";
import { startGate } from "../../test/peers/gates/mcp-server.ts";
import { askAsAgent } from "./agent.ts";
import { startGateway } from "./gateway.ts";
import { chapter, expect, type Stage, show, tell } from "./narrator.ts";
import { type Place, startRealPlace, startSandboxPlace } from "./place.ts";

// Who reads no more (`| head`) must not keep it from cleaning up.
process.stdout.on("error", () => {});

const words = process.argv.slice(2);
const unknown = words.find((word) => word !== "--real" && word !== "--keep");
if (unknown !== undefined) {
  console.error(`demo: error: unknown word "${unknown}"\ndemo: hint: use: scripts/demo [--real] [--keep]`);
  process.exit(2);
}
const report = fileURLToPath(new URL("../../dist/demo-report.html", import.meta.url));

await using place = await (words.includes("--real") ? startRealPlace() : startSandboxPlace());
chapter(`A tailnet on this machine: ${place.description}`);
const [stage, serverStage] = [newMachine(place, "agent"), newMachine(place, "server")];
// The platform gives the key to the step that joins, and to nothing else.
const joining: Stage = { ...stage, env: { ...stage.env, TS_AUTHKEY: place.key } };
const agentFile = join(stage.cwd, ".cursor/mcp.json");
const publicPath = place.connectTo.flatMap((one) => ["--connect-to", one]);

chapter("The official server-everything goes behind the gateway: one listener for the tailnet, one for the internet");
await using gateway = await startGateway(serverStage, place.socket);
await place.serve(gateway.privateTarget);
await place.funnel(gateway.publicTarget);
const url = `https://${place.host}:8443${gateway.path}`;
tell(`The tailnet reaches it at ${url}, the internet at https://${place.host}${gateway.path}.`);

chapter("A machine without a TUN device joins, and its agent gets the server");
const joined = await show(joining, `tsmcp up --server notes=${url}`, [
  "tsmcp",
  "up",
  ...["--server", `notes=${url}`, "--agent", "cursor", "--proxy", "127.0.0.1:0"],
  ...[...place.upArguments, ...publicPath],
]);
try {
  expect(joined === 0, "the machine to join");
  tell(`\n$ cat .cursor/mcp.json\n${readFileSync(agentFile, "utf8").trimEnd()}`);

  chapter("The agent starts what stands there, with PATH and HOME alone, and calls a tool through the bridge");
  const { PATH = "", HOME = "", NODE_EXTRA_CA_CERTS = "" } = stage.env;
  const found = await askAsAgent(agentFile, "notes", { PATH, HOME, NODE_EXTRA_CA_CERTS });
  tell(
    `${found.command}\n  ${found.tools.length} tools: ${found.tools.slice(0, 5).join(", ")}, …\n  echo answered ${found.answer}`,
  );

  chapter("The doctor attacks the gateway from both sides: the internet gets nothing");
  const doctor = ["tsmcp-doctor", url, "--report", `html=${report}`, ...publicPath] as const;
  expect((await show(stage, `tsmcp-doctor ${url}`, doctor)) === 0, "the doctor to find the gateway sound");

  chapter("The same for the recipe everybody copies: one port, trusted if X-Forwarded-Host has :8443");
  await using recipe = await startGate({
    gate: copiedRecipe,
    path: gateway.path,
    tools: ["read_notes", "write_notes"],
  });
  await place.serve(`http://127.0.0.1:${recipe.port}`);
  await place.funnel(`http://127.0.0.1:${recipe.port}`);
  const open = await show(stage, `tsmcp-doctor ${url}`, ["tsmcp-doctor", url, ...publicPath]);
  expect(open === 1, "the doctor to find the recipe open");
  tell(`\nThe doctor's report on the gateway is in ${report}`);
  if (words.includes("--keep")) await untilStopped(stage);
} finally {
  chapter("And away again");
  await show(stage, "tsmcp down", ["tsmcp", "down"]);
}

/** A home and a workspace with nothing in them. */
function newMachine({ home, env }: Place, name: "agent" | "server"): Stage {
  const ownHome = join(home, name);
  const workspace = join(ownHome, "project");
  mkdirSync(workspace, { recursive: true });
  const bin = fileURLToPath(new URL("../../bin", import.meta.url));
  return { cwd: workspace, env: { ...env, PATH: `${bin}${delimiter}${env.PATH ?? ""}`, HOME: ownHome } };
}

/** Leaves everything up to play with. */
async function untilStopped({ env }: Stage): Promise<void> {
  const names = ["PATH", "HOME", "NODE_EXTRA_CA_CERTS"];
  tell(
    `\nLeft up until Ctrl-C. To play the agent's machine:\n${names.map((name) => `  export ${name}=${env[name]}`).join("\n")}`,
  );
  await new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve()).once("SIGTERM", () => resolve());
  });
}
