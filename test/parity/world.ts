import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { freePort } from "../../src/net/listening.ts";
import { askLocalSocket, type LocalAnswer } from "../../src/net/local-socket.ts";
import type { Sandbox, SandboxCaller } from "../../src/sandbox/options.ts";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { daemonArguments } from "../../src/tailscale/daemon-arguments.ts";
import { machineOn } from "../e2e/tsmcp.ts";
import { localStatus } from "../tailnet/harness/local-api.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { type RunResult, run } from "../tailnet/harness/run.ts";
import { startTailnet } from "../tailnet/harness/tailnet.ts";
import { until } from "../tailnet/harness/until.ts";
import { comparedRelease } from "./compared-version.ts";
import type { PublicEnd } from "./framing.ts";
import { killDaemonIn, machineIn, machineOf, type ParityMachine } from "./machine.ts";

/** Who calls, on either tailnet. */
export type ParityCaller = "user" | "agent" | "stranger" | "guest" | "internet";

/** A tailnet with one server and callers alike, the real one or the sandbox. */
export interface ParityWorld extends AsyncDisposable {
  /** The server's name. */
  readonly host: string;
  /** Where the internet finds its port 443, on this machine. */
  readonly publicEnd: PublicEnd;
  /** A caller's proxy, `127.0.0.1:PORT`. */
  proxyPort(caller: Exclude<ParityCaller, "internet">): number;
  /** Runs curl as that caller. */
  curl(caller: ParityCaller, args: readonly string[]): Promise<RunResult>;
  serve(request: { port: number; target: string; path?: string; acceptAppCaps?: readonly string[] }): Promise<void>;
  funnel(request: { port: number; target: string; path?: string }): Promise<void>;
  /** Runs `tailscale` on the server. */
  onServer(args: readonly string[]): Promise<RunResult>;
  /** Starts `tailscale` on the server, and leaves it running. */
  startOnServer(args: readonly string[]): ParityProgram;
  /** Asks the server's LocalAPI. */
  askServer(path: string): Promise<LocalAnswer>;
  /** The address of a caller. */
  address(caller: Exclude<ParityCaller, "internet">): string;
  /** Starts a tailscaled that never logged in. */
  startDaemon(hostname: string): Promise<ParityDaemon>;
  /** A file with a key: a good one, one whose nodes wait for an administrator, a wrong one. */
  keyFile(kind: "good" | "waiting" | "wrong"): string;
  requireApproval(required: boolean): Promise<void>;
  approve(node: string): Promise<void>;
  expire(node: string): Promise<void>;
  /** No key is good any more that was. */
  refuseKeys(): Promise<void>;
  controlDown(isDown: boolean): Promise<void>;
  /** Ends the tailscaled of a caller, and its proxy with it, as `kill -9` does. */
  killCaller(caller: "stranger"): Promise<void>;
  slowRelay(delayMs: number): Promise<void>;
  expireCertificate(): Promise<void>;
  /** An empty machine that can join. */
  startMachine(hostname: string): ParityMachine;
  /** Takes out what differs between any two tailnets: names and addresses. */
  normalised(text: string): string;
}

/** A program that goes on until it is told to end. */
export interface ParityProgram {
  /** Waits until it has said that. */
  says(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** How it ended, and all that it said. */
  readonly ended: Promise<{ readonly exitCode: number | null; readonly signal: string | null } & ParityTexts>;
}

interface ParityTexts {
  readonly stdout: string;
  readonly stderr: string;
}

export type { ParityMachine } from "./machine.ts";

export interface ParityDaemon {
  tailscale(args: readonly string[]): Promise<RunResult>;
  localApi(path: string, method?: "GET" | "POST"): Promise<LocalAnswer>;
  proxyPort: number;
  close(): Promise<void>;
}

const dayMs = 24 * 60 * 60 * 1_000;
export const capability = "example.com/cap/mcp";
/** What JSON, HTML and a header could each trip over. */
export const grant = { tools: ["*"], "a<b": "Zoë & co" };
export const otherCapability = "example.com/cap/other";

const people = {
  user: {
    login: "alice@example.com",
    display: "Zoë Ångström of the Long Names Department",
    picture: "https://example.com/a.png",
  },
  guest: { login: "bob@example.com", display: "Bob", picture: "" },
} as const;

/** With a `nodeEnv` its nodes' daemons have more variables. */
export async function startRealWorld({ nodeEnv = {} }: { nodeEnv?: NodeJS.ProcessEnv } = {}): Promise<ParityWorld> {
  const release = comparedRelease();
  const tailnet = await startTailnet(release === undefined ? {} : { release });
  for (const { login, display, picture } of Object.values(people))
    await tailnet.api.setUser({ login, display, picture });
  const [server, user, agent, stranger, guest] = await Promise.all([
    tailnet.startNode({ env: nodeEnv, hostname: "server", tags: ["tag:server"] }),
    tailnet.startNode({ env: nodeEnv, hostname: "laptop", user: people.user.login }),
    tailnet.startNode({ env: nodeEnv, hostname: "agent", tags: ["tag:agent"] }),
    tailnet.startNode({ env: nodeEnv, hostname: "printer", tags: ["tag:printer"] }),
    tailnet.startNode({ env: nodeEnv, hostname: "guest", user: people.guest.login }),
  ]);
  await tailnet.api.setGrants([
    { src: ["*"], dst: ["*"], ip: ["*"] },
    { src: ["tag:agent"], dst: ["tag:server"], app: { [capability]: [grant] } },
    { src: [people.guest.login], dst: ["tag:server"], app: { [otherCapability]: [grant] } },
  ]);
  const nodes = { user, agent, stranger, guest };
  const tags = ["tag:agent"];
  const good = await tailnet.createKey({ reusable: true, tags });
  const waiting = await tailnet.createKey({ reusable: true, preauthorized: false, tags });
  const keyFiles = writeKeys(tailnet.tempDir(), { good, waiting });
  await Promise.all([knowsGrant(server, agent.ip), knowsGrant(server, guest.ip)]);
  const normalised = normaliser(server.dnsName, {
    server: server.ip,
    user: user.ip,
    agent: agent.ip,
    stranger: stranger.ip,
    guest: guest.ip,
  });
  const port = (caller: keyof typeof nodes): number => Number(nodes[caller].proxy.split(":")[1]);
  return {
    host: server.dnsName,
    publicEnd: {
      host: server.dnsName,
      port: Number(tailnet.publicAddress(443).split(":")[1]),
      ca: readFileSync(tailnet.caFile, "utf8"),
    },
    proxyPort: port,
    curl: (caller, args) => {
      const way =
        caller === "internet"
          ? tailnet.connectTo(server.dnsName).flatMap((rule) => ["--connect-to", rule])
          : ["--proxy", `http://127.0.0.1:${port(caller)}`];
      return runCurl(["--cacert", tailnet.caFile, ...way, ...args]);
    },
    serve: (request) => server.serve(request),
    funnel: (request) => server.funnel(request),
    onServer: (args) => server.tailscale(args),
    startOnServer: (args) => startProgram(join(tailnet.binDir, "tailscale"), [`--socket=${server.socket}`, ...args]),
    askServer: (path) => askLocalApi(server.socket, path),
    address: (caller) => nodes[caller].ip,
    async startDaemon(hostname) {
      const node = await tailnet.startBareNode({ hostname });
      return {
        tailscale: (args) => node.tailscale(args.map((arg) => arg.replace("LOGIN", tailnet.controlUrl))),
        localApi: (path, method) => askLocalApi(node.socket, path, method),
        proxyPort: Number(node.proxy.split(":")[1]),
        close: () => node.kill(),
      };
    },
    keyFile: (kind) => keyFiles[kind],
    requireApproval: (required) => tailnet.api.requireApproval(required),
    approve: (node) => tailnet.api.approve(node),
    expire: (node) => tailnet.api.expireNode(node),
    refuseKeys: () => tailnet.api.revokeKey(good),
    killCaller: (caller) => nodes[caller].kill(),
    slowRelay: (delayMs) => tailnet.api.setDerpLatency(delayMs),
    expireCertificate: () => {
      const [notBefore = "", notAfter = ""] = [60, 1].map((days) => new Date(Date.now() - days * dayMs).toISOString());
      return tailnet.api.seedCertificate({ name: server.dnsName, dir: server.stateDir, notBefore, notAfter });
    },
    controlDown: (isDown) => tailnet.api.setControl(isDown ? "silent" : "open"),
    startMachine: (hostname) =>
      machineOf(machineOn(tailnet), hostname, { keyFiles, killDaemon: killDaemonIn, normalised }),
    normalised,
    async [Symbol.asyncDispose]() {
      await tailnet.close();
    },
  };
}

/** Grants reach the server a moment after they are set. */
function knowsGrant(server: TailnetNode, address: string): Promise<true> {
  return until({ what: `${server.hostname} to know a grant` }, async () => {
    const whois: { CapMap?: object | null } = JSON.parse((await server.tailscale(["whois", "--json", address])).stdout);
    return whois.CapMap ? true : undefined;
  });
}

export async function startSandboxWorld(): Promise<ParityWorld> {
  const { user, guest } = people;
  const version = comparedRelease();
  const sandbox = await startSandbox({
    ...(version === undefined ? {} : { version }),
    callers: {
      user: { login: user.login, displayName: user.display, picture: user.picture, capabilities: {} },
      agent: { capabilities: { [capability]: [grant] } },
      guest: { login: guest.login, displayName: guest.display, capabilities: { [otherCapability]: [grant] } },
    },
  });
  const { callers, host } = sandbox;
  const normalised = normaliser(host, {
    server: "100.64.0.2",
    user: callers.user.address ?? "",
    agent: callers.agent.address ?? "",
    stranger: callers.stranger.address ?? "",
    guest: callers.guest.address ?? "",
  });
  const keyFiles = writeKeys(sandbox.directory, { good: sandbox.authKeys.agent, waiting: sandbox.authKeys.agent });
  return {
    host,
    publicEnd: { host, port: publicPort(callers.internet), ca: sandbox.ca },
    proxyPort: (caller) => Number(new URL(callers[caller].proxy ?? "").port),
    curl: (caller, args) => runCurl([...callers[caller].curl(args.at(-1) ?? "").slice(0, -1), ...args]),
    serve: async (request) => sandbox.serve({ ...request, funnel: false }),
    funnel: async (request) => sandbox.serve({ ...request, funnel: true }),
    onServer: (args) => run(join(sandbox.binDir, "tailscale"), args),
    startOnServer: (args) => startProgram(join(sandbox.binDir, "tailscale"), args),
    askServer: (path) => askLocalApi(sandbox.socket, path),
    address: (caller) => callers[caller].address ?? "",
    startDaemon: (hostname) => startStandIn(sandbox, hostname),
    keyFile: (kind) => keyFiles[kind],
    requireApproval: async (required) => {
      sandbox.faults.approval = required ? "needed" : "given";
    },
    approve: async (node) => {
      sandbox.approve(node);
    },
    expire: async (node) => {
      sandbox.expire(node);
    },
    killCaller: async () => {
      sandbox.faults.proxy = "dead";
    },
    slowRelay: async (delayMs) => {
      sandbox.faults.relayDelayMs = delayMs;
    },
    expireCertificate: async () => {
      sandbox.faults.certificate = "expired";
    },
    refuseKeys: async () => {
      sandbox.faults.key = "rejected";
    },
    controlDown: async (isDown) => {
      sandbox.faults.control = isDown ? "down" : "up";
    },
    startMachine: (hostname) =>
      machineOf(machineIn(sandbox, hostname), hostname, {
        keyFiles,
        normalised,
        killDaemon: async () => {
          sandbox.faults.proxy = "dead";
          sandbox.faults.proxy = "alive";
        },
      }),
    normalised,
    [Symbol.asyncDispose]: () => sandbox.close(),
  };
}

function publicPort({ connectTo }: SandboxCaller): number {
  const rule = connectTo.find((one) => one.split(":")[1] === "443");
  return Number(rule?.split(":").at(-1));
}

/** Starts the stand-in for tailscaled as tsmcp starts the real one. */
async function startStandIn({ binDir, directory }: Sandbox, hostname: string): Promise<ParityDaemon> {
  const socket = join(directory, `${hostname}.sock`);
  const port = await freePort();
  const child = spawn(
    join(binDir, "tailscaled"),
    daemonArguments({ socket, stateDir: directory, proxy: { host: "127.0.0.1", port }, noLogs: true }),
    { stdio: "ignore" },
  );
  const ended = once(child, "exit");
  await until({ what: `the stand-in ${hostname}` }, () => localStatus(socket));
  return {
    tailscale: (args) =>
      run(join(binDir, "tailscale"), [`--socket=${socket}`, ...args.map((arg) => arg.replace("LOGIN", loginServer))]),
    localApi: (path, method) => askLocalApi(socket, path, method),
    proxyPort: port,
    async close() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

const loginServer = "http://127.0.0.1:1";

function startProgram(file: string, args: readonly string[]): ParityProgram {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const closed = once(child, "close");
  const ended = closed.then(() => ({ exitCode: child.exitCode, signal: child.signalCode, stdout, stderr }));
  const alive = (): void => {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${file} ${args.join(" ")} ended: ${stderr}`);
  };
  return {
    says: async (text) => {
      await until({ what: `${args.join(" ")} to say ${text}`, alive }, async () => stdout.includes(text) || undefined);
    },
    kill: (signal) => void child.kill(signal),
    ended,
  };
}

function askLocalApi(socketPath: string, path: string, method: "GET" | "POST" = "GET"): Promise<LocalAnswer> {
  const request = {
    socketPath,
    method,
    path: `/localapi/v0/${path}`,
    host: "local-tailscaled.sock",
    timeoutMs: 30_000,
  };
  return askLocalSocket(request);
}

function writeKeys(
  directory: string,
  keys: { good: string; waiting: string },
): Record<"good" | "waiting" | "wrong", string> {
  const write = (name: string, key: string): string => {
    writeFileSync(join(directory, name), key, { mode: 0o600 });
    return join(directory, name);
  };
  return {
    good: write("key", keys.good),
    waiting: write("waiting-key", keys.waiting),
    wrong: write("wrong-key", "tskey-auth-wrong"),
  };
}

function runCurl(args: readonly string[]): Promise<RunResult> {
  return run("curl", ["-sSi", "--suppress-connect-headers", "--max-time", "60", ...args], {
    env: { PATH: process.env.PATH },
    timeoutMs: 90_000,
  });
}

function normaliser(host: string, addresses: Readonly<Record<string, string>>): (text: string) => string {
  const names = Object.entries(addresses).sort(([, one], [, other]) => other.length - one.length);
  return (text) =>
    names
      .reduce((done, [name, address]) => done.replaceAll(`${address}`, `<${name}>`), text.replaceAll(host, "<host>"))
      .replaceAll(/\b198\.(?:18|19)\.\d+\.\d+\b/g, "<internet>")
      .replaceAll(/http:\/\/127\.0\.0\.1:\d+\/(?=a\/|admin)/g, "<login>/")
      .replaceAll(/--login-server=\S+/g, "--login-server=<login>")
      .replaceAll(/(?<=<login>\/a\/)[0-9a-f]+/g, "<id>")
      .replaceAll(/\btail[0-9a-f]+\.ts\.net\b/g, "<suffix>");
}

/** A backend on loopback that answers with the very bytes that came, whatever they ask for. */
export interface RawBackend extends AsyncDisposable {
  readonly port: number;
}

export async function startRawBackend(place: { path: string } | { port: number } = { port: 0 }): Promise<RawBackend> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (!isWhole(text)) return;
      const body = Buffer.from(text, "latin1");
      const isHead = text.startsWith("HEAD ");
      text = "";
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Answer: a\r\nx-answer: b\r\nConnection: x-hop\r\nX-Hop: 1\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      if (!isHead) socket.write(body);
    });
  });
  await new Promise<void>((resolve) =>
    server.listen("path" in place ? place : { ...place, host: "127.0.0.1" }, resolve),
  );
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const head = text.slice(0, end);
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length);
  return !/^transfer-encoding: chunked/im.test(head) || text.endsWith("0\r\n\r\n");
}
