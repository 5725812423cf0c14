import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { DoctorReport } from "../../src/doctor/run-doctor.ts";
import { everybodyReachesEverybody } from "../tailnet/harness/knobs.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { until } from "../tailnet/harness/until.ts";
import { answered, initialize, post } from "./gateway-process.ts";
import { tsmcp } from "./tsmcp.ts";

const capability = "example.com/cap/mcp";

let tailnet: Tailnet;
let server: TailnetNode;
/** A cloud agent's machine, which was granted everything. */
let agent: TailnetNode;
/** A person whom nothing was granted. */
let bob: TailnetNode;
let example: ChildProcess | undefined;

beforeAll(async () => {
  tailnet = await startTailnet();
  [server, agent, bob] = await Promise.all([
    tailnet.startNode({ hostname: "server", tags: ["tag:server"], funnel: true }),
    tailnet.startNode({ hostname: "agent", tags: ["tag:agent"] }),
    tailnet.startNode({ hostname: "bob", user: "bob@example.com" }),
  ]);
  const app = { [capability]: [{ upstreams: ["notes"], tools: ["*"] }] };
  await tailnet.api.setGrants([everybodyReachesEverybody, { src: ["tag:agent"], dst: ["tag:server"], app }]);
});

afterEach(async () => {
  if (example === undefined) return;
  const ended = once(example, "exit");
  example.kill();
  await ended;
  example = undefined;
});

afterAll(async () => {
  await tailnet?.close();
});

interface Targets {
  readonly private: string;
  readonly public: string;
}

/** Starts an example of templates/library as its own comments say, and returns where Serve and Funnel lead. */
async function start(name: string): Promise<Targets> {
  const directory = join(tailnet.tempDir(), "run");
  mkdirSync(directory, { mode: 0o750 });
  const [privatePort, publicPort] = [await tailnet.api.reservePort(), await tailnet.api.reservePort()];
  const secretPath = "/0123456789abcdef0123456789abcdef";
  const program = fileURLToPath(new URL(`../../templates/library/${name}.mjs`, import.meta.url));
  const env = {
    PATH: process.env.PATH,
    HOME: directory,
    TSMCP_SOCKET: server.socket,
    NOTES_DIRECTORY: directory,
    NOTES_SECRET_PATH: secretPath,
    NOTES_PRIVATE_PORT: String(privatePort),
    NOTES_PUBLIC_PORT: String(publicPort),
  };
  const child = spawn(process.execPath, [program], { env, stdio: ["ignore", "ignore", "pipe"] });
  example = child;
  let said = "";
  child.stderr.on("data", (text) => {
    said += text;
  });
  const alive = (): void => {
    if (child.exitCode !== null) throw new Error(`${name} ended: ${said}`);
  };
  const sockets = [join(directory, "private.sock"), join(directory, "public.sock")] as const;
  const listens = name === "express" ? () => answers(publicPort) : async () => sockets.every(existsSync) || undefined;
  await until({ what: `${name} to listen`, alive, log: () => said }, listens);
  if (name !== "express") return { private: `unix:${sockets[0]}`, public: `unix:${sockets[1]}` };
  return {
    private: `http://127.0.0.1:${privatePort}${secretPath}`,
    public: `http://127.0.0.1:${publicPort}`,
  };
}

function answers(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(undefined));
  });
}

const whoami = { jsonrpc: "2.0", id: 3, method: "tools/call", params: { name: "whoami", arguments: {} } };
const isRoot = process.getuid?.() === 0;

/** Only root may tell Serve a unix socket. */
const examples = ["express", ...(isRoot ? ["node-http", "hono", "sdk-v2"] : [])];

test.each(examples)("%s shows each caller its own view, and the doctor finds it sound", async (name) => {
  const targets = await start(name);
  await server.serve({ port: 8443, target: targets.private, acceptAppCaps: [capability] });
  await server.funnel({ port: 443, target: targets.public });
  const url = `https://${server.dnsName}:8443/mcp`;
  const asked = async (from: TailnetNode | undefined, message: object) =>
    (await answered(post(tailnet, from === undefined ? { url: publicUrl() } : { url, from }, message))).json;
  const publicUrl = () => `https://${server.dnsName}/mcp`;
  const list = { jsonrpc: "2.0", id: 2, method: "tools/list" };

  expect(await asked(agent, whoami)).toMatchObject({ result: { content: [{ text: agent.dnsName }] } });
  expect(await asked(bob, initialize)).toMatchObject({ result: { serverInfo: { name: "tsmcp-gateway" } } });
  expect(await asked(bob, list)).toMatchObject({ result: { tools: [] } });
  expect(await asked(bob, whoami)).toMatchObject({ error: { code: 403 } });
  expect(await asked(undefined, initialize)).toMatchObject({ result: { serverInfo: { name: "tsmcp-public" } } });
  expect(await asked(undefined, list)).toMatchObject({ result: { tools: [] } });
  expect(await asked(undefined, whoami)).toMatchObject({ error: { code: -32601 } });

  const home = tailnet.tempDir();
  const env = { ...tailnet.env(), HOME: home, TSMCP_PROXY: `http://${agent.proxy}`, TSMCP_SOCKET: agent.socket };
  const connectTo = tailnet.connectTo(server.dnsName).flatMap((place) => ["--connect-to", place]);
  const { stdout } = await tsmcp(["doctor", url, "--json", ...connectTo], { env, workspace: home });
  const { verdict, checks }: DoctorReport = JSON.parse(stdout);
  const bad = checks.filter(({ status }) => status === "fail" || status === "unknown");
  expect({ verdict, bad }).toEqual({ verdict: "pass", bad: [] });
  expect(checks.find(({ id }) => id === "tailnet.tools")?.facts).toMatchObject({ names: ["whoami"] });
});
