import { mkdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { flawedGates } from "../../test/peers/gates/flawed.ts";
import { startGate } from "../../test/peers/gates/mcp-server.ts";
import { startEverything } from "../../test/tailnet/harness/everything.ts";
import { startTailnet } from "../../test/tailnet/harness/tailnet.ts";
import { askAsAgent } from "./agent.ts";
import { chapter, expect, type Stage, show, tell } from "./narrator.ts";

chapter("A tailnet on this machine: stock tailscaled, real WireGuard, Serve and Funnel; no account");
await using tailnet = await startTailnet();
const server = await tailnet.startNode({ hostname: "server", tags: ["tag:server"] });
const url = `https://${server.dnsName}:8443/mcp`;
await using everything = await startEverything(tailnet);
await using recipe = await startGate({ gate: recipeGate() });
await using nothing = await startGate({ gate: () => false });
tell(`The MCP server will be ${url} for the tailnet, and https://${server.dnsName}/mcp for the internet.`);

const key = await tailnet.createKey({ tags: ["tag:agent"], reusable: true, ephemeral: true });
const stage = newMachine();
const agentFile = join(stage.cwd, ".cursor/mcp.json");
const publicPath = tailnet.connectTo(server.dnsName).flatMap((one) => ["--connect-to", one]);

chapter("A machine without a TUN device joins, and its agent gets the server");
await server.serve({ port: 8443, target: everything.url });
await server.funnel({ port: 443, target: `http://127.0.0.1:${nothing.port}` });
const joined = await show(stage, `tsmcp up --server notes=${url}`, [
  "tsmcp",
  "up",
  ...["--server", `notes=${url}`, "--agent", "cursor", "--proxy", "127.0.0.1:0"],
  ...["--login-server", tailnet.controlUrl, "--no-logs-no-support", ...publicPath],
]);
try {
  expect(joined === 0, "the machine to join");
  tell(`\n$ cat .cursor/mcp.json\n${readFileSync(agentFile, "utf8").trimEnd()}`);

  chapter("The agent starts what stands there, with PATH and HOME alone");
  const { PATH = "", HOME = "", NODE_EXTRA_CA_CERTS = "" } = stage.env;
  const found = await askAsAgent(agentFile, "notes", { PATH, HOME, NODE_EXTRA_CA_CERTS });
  tell(
    `${found.command}\n  ${found.tools.length} tools: ${found.tools.slice(0, 5).join(", ")}, …\n  echo answered ${found.answer}`,
  );

  chapter("The doctor looks from both sides: two listeners, and the internet gets nothing");
  const sound = await show(stage, `tsmcp-doctor ${url}`, ["tsmcp-doctor", url, ...publicPath]);
  expect(sound === 0, "the doctor to find two listeners sound");

  chapter("The same for the recipe everybody copies: one port, trusted if X-Forwarded-Host has :8443");
  await server.serve({ port: 8443, target: `http://127.0.0.1:${recipe.port}` });
  await server.funnel({ port: 443, target: `http://127.0.0.1:${recipe.port}` });
  const open = await show(stage, `tsmcp-doctor ${url}`, ["tsmcp-doctor", url, ...publicPath]);
  expect(open === 1, "the doctor to find the recipe open");
} finally {
  chapter("And away again");
  await show(stage, "tsmcp down", ["tsmcp", "down"]);
}

/** A home and a workspace with nothing in them, on a machine whose agent gets a key from its platform. */
function newMachine(): Stage {
  const home = join(tailnet.tempDir(), "home");
  const workspace = join(home, "project");
  mkdirSync(workspace, { recursive: true });
  const bin = fileURLToPath(new URL("../../bin", import.meta.url));
  const env = tailnet.env();
  return { cwd: workspace, env: { ...env, PATH: `${bin}${delimiter}${env.PATH ?? ""}`, HOME: home, TS_AUTHKEY: key } };
}

function recipeGate() {
  const [copied] = flawedGates(server.dnsName);
  if (copied === undefined) throw new Error("the copied recipe is missing");
  return copied.gate;
}
